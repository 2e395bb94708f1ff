"""A handler that answers whether the bundle's recorded predictions hold on this very machine."""

import os
from pathlib import Path
from typing import Any

from predictor import BundleError, Predictor


def handler(event: Any, context: Any) -> dict[str, Any]:
    """`ok`, the bundle's digest, how many predictions were checked, and what is wrong with them; never raises."""
    bundle = Path(os.environ.get("SLIPWAY_BUNDLE", Path(__file__).with_name("bundle")))
    try:
        predictor = Predictor(bundle)
        faults = predictor.check_recorded()
    except Exception as error:  # whatever is wrong with a bundle is an answer
        why = str(error) if isinstance(error, BundleError) else f"{bundle}: {type(error).__name__}: {error}"
        return {"ok": False, "bundle": None, "checked": 0, "faults": [why]}
    checked = len(predictor.manifest["recorded"])
    return {"ok": not faults, "bundle": predictor.digest, "checked": checked, "faults": faults}
