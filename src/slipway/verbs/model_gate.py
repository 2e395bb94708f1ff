"""`slipway model-gate`: says whether the model that this tree names may be merged."""

import os
import sys

from slipway.delivery.github.job import summary
from slipway.delivery.release.model_gate import objections


def run() -> int:
    """Returns 0 where nothing speaks against it, 1 where something does, said in words; BASE is the base branch."""
    base = os.environ.get("BASE") or os.environ.get("GITHUB_BASE_REF") or "main"
    found = objections(f"origin/{base}")
    if found is None:
        summary("There is no `dvc.lock`: nothing was trained yet, so that there is no model to judge.")
        print("::notice::no dvc.lock: nothing was trained yet, so that there is no model to judge")
        return 0
    for each in found:
        print(f"error: {each}", file=sys.stderr)
    if not found:
        print("The model that dvc.lock names is what this tree makes, and the gate is for it.")
    return 1 if found else 0
