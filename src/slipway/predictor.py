"""The one predictor there is, `lambda/predictor.py`, made importable here: `lambda` is a keyword."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "lambda"))

from predictor import SCHEMA_VERSION, BundleError, Prediction, Predictor, digest_of, well_formed

__all__ = ["SCHEMA_VERSION", "BundleError", "Prediction", "Predictor", "digest_of", "well_formed"]
