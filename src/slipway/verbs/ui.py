"""`slipway ui`: opens MLflow on the recorded runs."""

import os
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
    print(f"MLflow shows {uri} at http://127.0.0.1:5000 (Ctrl-C ends it)", flush=True)
    server = ["-m", "mlflow", "ui", "--backend-store-uri", absolute_uri(uri), "--host", "127.0.0.1", "--port", "5000"]
    os.execv(sys.executable, [sys.executable, *server])
