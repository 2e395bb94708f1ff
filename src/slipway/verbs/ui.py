"""`slipway ui`: opens MLflow on the recorded runs."""

import contextlib
import os
import socket
import sys
import webbrowser

from slipway.config.compose import runtime
from slipway.config.tracking import without_password
from slipway.errors import UserError
from slipway.tracking import absolute_uri

SERVERS = ("http://", "https://")
# what MLflow 3 can serve: it refuses folders
DATABASES = ("sqlite://", "postgresql", "mysql", "mssql")


def run() -> None:
    """Open the tracking server's page, or serve the local file on a loopback port until Ctrl-C."""
    uri = runtime().tracking.uri
    if uri is None:
        raise UserError("tracking=off records nothing to look at: run `dvc repro` with tracking=mlflow (the default).")
    if uri.startswith(SERVERS):
        print(f"MLflow runs at {without_password(uri)}")
        webbrowser.open(uri)
        return
    if not uri.startswith(DATABASES):
        raise UserError(
            f"tracking.uri {uri!r} is nothing that can be shown here: MLFLOW_TRACKING_URI names a server (http://...) "
            "or a database (sqlite:///mlflow.db). SageMaker's MLflow opens in SageMaker Studio."
        )
    port = str(free_port())
    print(f"MLflow shows {without_password(uri)} at http://127.0.0.1:{port} (Ctrl-C ends it)", flush=True)
    server = ["-m", "mlflow", "ui", "--backend-store-uri", absolute_uri(uri), "--host", "127.0.0.1", "--port", port]
    os.execv(sys.executable, [sys.executable, *server, "--workers", "1"])


def free_port(wanted: int = 5000) -> int:
    """`wanted`, or another port of loopback where that one is taken."""
    for port in (wanted, 0):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return int(listener.getsockname()[1])
    raise UserError("no port of 127.0.0.1 is free for MLflow's page.")
