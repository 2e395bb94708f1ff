"""The service under uvicorn, as `make serve` starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from predictor import Predictor

LAMBDA = Path(__file__).resolve().parents[2] / "lambda"


def test_it_answers_as_the_predictor_does(server: str, shipped: Path) -> None:
    answer = requests.post(f"{server}/predict", json={"texts": ["my card"], "top_k": 10}, timeout=30)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert answer.json()["predictions"] == Predictor(shipped).predict(["my card"], top_k=10)


def test_each_request_has_an_id_of_its_own(server: str) -> None:
    answers = [requests.get(f"{server}/health", timeout=30) for _ in range(3)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(server: str, chunked: bool) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(80):
            yield b"a" * 65_536

    body = parts() if chunked else b"".join(parts())
    answer = requests.post(f"{server}/predict", body, headers={"content-type": "application/json"}, timeout=30)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_page_may_ask_this_server_alone(server: str) -> None:
    answer = requests.get(server, timeout=30)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert requests.head(f"{server}/health", timeout=30).status_code == 200


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SLIPWAY_BUNDLE", "/nowhere", "/nowhere/manifest.json cannot be read"),
        (
            "SLIPWAY_PAGE",
            "true",
            "SLIPWAY_PAGE: 'true' is neither 0 nor 1",
        ),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1GB", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1GB' is no number of megabytes"),
        (
            "SLIPWAY_CAPTURE_RATE",
            "2",
            "SLIPWAY_CAPTURE_RATE or SLIPWAY_CAPTURE_TEXT: the share",
        ),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(shipped: Path, name: str, value: str, said: str) -> None:
    environment = os.environ | {"SLIPWAY_BUNDLE": str(shipped), name: value}
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(LAMBDA), "serve:app", "--port", "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1
