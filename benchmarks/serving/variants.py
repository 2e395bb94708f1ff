"""What answers a model's texts, each in a process of its own: ours, the floor below it, and its peers."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.bundles import Served
from serving.environments import LAMBDA, PROJECT, SERVING, environment

HANDLERS = SERVING / "peers"


@dataclass(frozen=True)
class Variant:
    """A module with a `handler`, the environment that it runs in, and the folder of a model that it reads."""

    name: str
    environment: str
    module: str
    reads: str = "plain"

    @property
    def folder(self) -> Path:
        """Where the module lies."""
        return LAMBDA if self is OURS else HANDLERS

    def variables(self, served: Served) -> dict[str, str]:
        """The environment variables of its process."""
        model, bundle = str(served.peer / self.reads), str(served.bundle)
        return environment(BENCHMARK_MODEL=model, SLIPWAY_BUNDLE=bundle)


FLOOR = Variant("floor", "floor", "floor", reads="same")
OURS = Variant("ours", "ours", "app")
PEER = Variant("FastAPI, Mangum, AutoTokenizer", "fastapi", "fastapi_mangum")
PEER_SAME = Variant("the same on our graph", "fastapi", "fastapi_mangum", reads="same")
BARE = Variant("bare, AutoTokenizer", "bare", "bare")
PYFUNC = Variant("mlflow pyfunc", "pyfunc", "pyfunc", reads="pyfunc")
TORCH = Variant("torch, AutoTokenizer", PROJECT, "torchscript", reads="torchscript")
VARIANTS = [FLOOR, OURS, PEER, PEER_SAME, BARE, PYFUNC, TORCH]


def event(texts: list[str]) -> dict[str, Any]:
    """A request to /predict as a function URL sends it."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/predict",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "abc.lambda-url.us-east-1.on.aws"},
        "requestContext": {
            "http": {
                "method": "POST",
                "path": "/predict",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "benchmark",
            },
            "domainName": "abc.lambda-url.us-east-1.on.aws",
            "requestId": "7c9b0f2e-1d65-4c3b-9f0a-0d3f6a1b2c3d",
            "stage": "$default",
            "timeEpoch": 1_760_000_000_000,
        },
        "body": json.dumps({"texts": texts}),
        "isBase64Encoded": False,
    }


def labels_in(answer: dict[str, Any]) -> list[str]:
    """What a handler answered; raises ValueError where it refused."""
    if answer.get("statusCode", 200) != 200:
        raise ValueError(f"refused: {answer}")
    found = json.loads(answer["body"]) if "body" in answer else answer
    return [str(each["label"]) for each in found["predictions"]]
