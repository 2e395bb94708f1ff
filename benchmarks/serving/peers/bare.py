"""A bare handler with AutoTokenizer and onnxruntime."""

import json
from typing import Any

from autotokenizer import classifier

model = classifier()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The answer to an event of HTTP."""
    predictions = model.predict(json.loads(event["body"])["texts"])
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"predictions": predictions}),
    }
