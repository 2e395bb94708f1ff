"""From pull request to production model."""

import os

# these libraries tell their makers what is done with them otherwise; heard only before they are imported
for _name in ("HF_HUB_DISABLE_TELEMETRY", "MLFLOW_DISABLE_TELEMETRY", "ORT_DISABLE_TELEMETRY"):
    os.environ.setdefault(_name, "1")
