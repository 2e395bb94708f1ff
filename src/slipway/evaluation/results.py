"""Reads what earlier stages found."""

import csv
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
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged: `dvc repro -f -s {stage}` writes it anew.") from error


def read_history(path: Path) -> list[dict[str, float]]:
    """The metrics of each epoch. Raises UserError where training's record of them is missing or damaged."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            history = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        if not history or "epoch" not in history[0]:
            raise ValueError("no epochs")
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: `dvc repro train` writes it.") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged: `dvc repro -f -s train` writes it anew.") from error
    return history
