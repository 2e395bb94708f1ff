"""The service as Lambda has it: its modules, loaded anew over a real bundle."""

import base64
import importlib
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

LAMBDA = Path(__file__).resolve().parents[2] / "lambda"
CONTEXT = SimpleNamespace(aws_request_id="8a1f4b7e-0000-4000-8000-000000000001")


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether this is `make soak-test`, which asks more and longer than `make test`."""
    return "SLIPWAY_SOAK" in os.environ


@pytest.fixture(scope="session")
def rows(prepared: Path) -> pd.DataFrame:
    """The test split: columns text, label, origin."""
    return pd.read_parquet(prepared / "test.parquet")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., ModuleType]:
    """Imports app.py (or another module) as a cold start does, over a bundle and an environment."""

    def make(bundle: Path, name: str = "app", **environment: str) -> ModuleType:
        monkeypatch.setenv("SLIPWAY_BUNDLE", str(bundle))
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        monkeypatch.delitem(sys.modules, name, raising=False)
        # a logger is made once, with the standard output of that moment
        monkeypatch.setattr(logging.root.manager, "loggerDict", {})
        return importlib.import_module(name)

    return make


@pytest.fixture
def app(load: Callable[..., ModuleType], shipped: Path) -> ModuleType:
    """app.py over the real bundle."""
    return load(shipped)


class Sender:
    """One who invokes the function with events of HTTP: `shape` makes one, `read` reads the answer."""

    def __init__(self, shape: Callable[..., dict[str, Any]]) -> None:
        self.shape = shape

    def __call__(self, app: Any, body: Any = None, path: str = "/predict", method: str = "POST", **more: Any) -> Any:
        if isinstance(body, bytes):
            more = {"binary": True, **more}
        elif body is not None and not isinstance(body, str):
            body = json.dumps(body)
        found = app.handler(self.shape(method, path, body, **more), CONTEXT)
        json.dumps(found)  # Lambda does
        return found


def function_url(
    method: str, path: str, body: Any, binary: bool = False, kind: str | None = "application/json"
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads, also of API Gateway v2."""
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "curl/8"}
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers(kind),
        "requestContext": {"accountId": "anonymous", "requestId": "id", "http": http, "stage": "$default"},
    }
    return event | carried(body, binary)


def api_gateway(
    method: str, path: str, body: Any, binary: bool = False, kind: str | None = "application/json"
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html, version 1."""
    event = {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": headers(kind),
        "multiValueHeaders": {name: [value] for name, value in headers(kind).items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourceId": "id", "httpMethod": method, "identity": {"sourceIp": "192.0.2.1"}},
        "body": None,
        "isBase64Encoded": False,
    }
    return event | carried(body, binary)


def load_balancer(
    method: str, path: str, body: Any, binary: bool = False, kind: str | None = "application/json"
) -> dict[str, Any]:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html."""
    event = {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/a/b"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": headers(kind),
        "body": "",
        "isBase64Encoded": False,
    }
    return event | carried(body, binary)


def headers(kind: str | None) -> dict[str, str]:
    """What each of them sends along."""
    return {"host": "abc.lambda-url.us-east-1.on.aws", "x-forwarded-proto": "https", "x-forwarded-port": "443"} | (
        {"content-type": kind} if kind else {}
    )


def carried(body: Any, binary: bool) -> dict[str, Any]:
    """A body as text, or in base64 where it is bytes."""
    if body is None:
        return {}
    if binary:
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    return {"body": body, "isBase64Encoded": False}


SENDERS = {"function URL, API Gateway v2": function_url, "API Gateway v1": api_gateway, "load balancer": load_balancer}


@pytest.fixture(params=SENDERS)
def send(request: pytest.FixtureRequest) -> Sender:
    """Each kind of sender in turn."""
    return Sender(SENDERS[request.param])


@pytest.fixture
def post() -> Sender:
    """A function URL."""
    return Sender(function_url)


@pytest.fixture(scope="session")
def server(shipped: Path) -> Iterator[str]:
    """The address of the service under uvicorn, as `make serve` starts it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        # whoever connects before the server is up waits in the socket's queue
        port, number = listener.getsockname()[1], str(listener.fileno())
        uvicorn = [sys.executable, "-m", "uvicorn", "--app-dir", str(LAMBDA), "serve:app", "--fd", number]
        environment = os.environ | {"SLIPWAY_BUNDLE": str(shipped)}
        process = subprocess.Popen(
            uvicorn, env=environment, pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        said = process.communicate(timeout=30)[1].decode()
    assert "Traceback" not in said, said
