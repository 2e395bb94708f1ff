"""The one predictor there is, `lambda/predictor.py`, made importable here: `lambda` is a keyword."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "lambda"))

from manifest import read_manifest
from predictor import SCHEMA_VERSION, BundleError, Prediction, Predictor, digest_of, well_formed
from recorded import questions, wrong_with

__all__ = [
    "SCHEMA_VERSION",
    "BundleError",
    "Prediction",
    "Predictor",
    "digest_of",
    "questions",
    "read_manifest",
    "well_formed",
    "wrong_with",
]
