"""A bare handler of an MLflow pyfunc, which holds AutoTokenizer and onnxruntime."""

import json
import os
from typing import Any

import mlflow.pyfunc

model = mlflow.pyfunc.load_model(os.environ["BENCHMARK_MODEL"])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The answer to an event of HTTP."""
    predictions = model.predict(json.loads(event["body"])["texts"])
    return {"statusCode": 200, "body": json.dumps({"predictions": predictions})}
