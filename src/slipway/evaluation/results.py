"""Reads what earlier stages found."""

import json
from pathlib import Path
from typing import Any

from slipway.errors import UserError


def read_result(path: Path, stage: str) -> dict[str, Any]:
    """A JSON file that `stage` writes. Raises UserError where it is missing or damaged."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: `dvc repro {stage}` writes it.") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged: `dvc repro --force --single-item {stage}` writes it anew.") from error
