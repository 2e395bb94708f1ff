"""`slipway ui`: opens MLflow on the recorded runs."""

import contextlib
import os
import socket
import sys
import webbrowser

from slipway.config.compose import runtime
from slipway.errors import UserError
from slipway.tracking import absolute_uri


def run() -> None:
    """Open the tracking server's page, or serve the local file on a loopback port until Ctrl-C."""
    uri = runtime().tracking.uri
    if uri is None:
        raise UserError("tracking=off records nothing to look at: run `dvc repro` with tracking=mlflow (the default).")
    if uri.startswith(("http://", "https://")):
        print(f"MLflow runs at {uri}")
        webbrowser.open(uri)
        return
    port = str(free_port())
    print(f"MLflow shows {uri} at http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
    server = ["-m", "mlflow", "ui", "--backend-store-uri", absolute_uri(uri), "--host", "127.0.0.1", "--port", port]
    os.execv(sys.executable, [sys.executable, *server, "--workers", "1"])


def free_port(wanted: int = 5000) -> int:
    """`wanted`, or another port of loopback where that one is taken."""
    for port in (wanted, 0):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return int(listener.getsockname()[1])
    raise UserError("no port of 127.0.0.1 is free for MLflow's page.")
