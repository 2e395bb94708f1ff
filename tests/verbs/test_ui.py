"""`slipway ui` opens what tracking recorded."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from slipway.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_a_server_is_opened_in_the_browser(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("BROWSER", "true")
    assert main(["ui"]) == 0
    assert "MLflow runs at http://127.0.0.1:9" in capsys.readouterr().out


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:pa=ss@127.0.0.1:9")
    monkeypatch.setenv("BROWSER", "true")
    assert main(["ui"]) == 0
    assert capsys.readouterr().out == "MLflow runs at http://127.0.0.1:9\n"


@pytest.mark.parametrize("uri", ["mlruns_folder", "file:///tmp/mlruns", "arn:aws:sagemaker:eu-west-1:1:mlflow-app/a"])
def test_what_cannot_be_shown_is_named_with_what_can(
    uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert main(["ui"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: tracking.uri '{uri}' is nothing that can be shown here")
    assert "a server (http://...) or a database (sqlite:///mlflow.db)" in error


def test_without_tracking_there_is_nothing_to_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ui", "tracking=off"]) == 2
    assert "tracking=off records nothing" in capsys.readouterr().err


@pytest.mark.slow
def test_a_local_file_is_served_on_loopback(tmp_path: Path) -> None:
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    server = subprocess.Popen(
        [sys.executable, "-m", "slipway", "ui"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    try:
        lines = []
        for line in server.stdout:
            lines.append(line)
            if "Uvicorn running on" in line:
                break
        address = re.search(r"at (http://127\.0\.0\.1:\d+)", "".join(lines))
        assert address is not None, lines
        assert "MLflow" in requests.get(address.group(1), timeout=30).text
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
