"""From pull request to production model."""

import os

# ONNX Runtime tells its makers of each session otherwise; heard only before it is imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
