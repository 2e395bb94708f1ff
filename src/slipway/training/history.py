"""history.csv: the figures of each epoch, one line an epoch, as `dvc plots` reads them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from pydantic import TypeAdapter

from slipway.files import written_by
from slipway.training.epoch import EpochMetrics


def to_csv(history: Sequence[EpochMetrics]) -> str:
    """A head line, then one line an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(EpochMetrics)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history)
    return text.getvalue()


def read_csv(path: Path) -> list[EpochMetrics]:
    """The figures of each epoch. Raises UserError where training's record of them is missing or damaged."""
    with written_by("train", path), path.open(encoding="utf-8", newline="") as file:
        history = TypeAdapter(list[EpochMetrics]).validate_python(list(csv.DictReader(file)))
        if not history:
            raise ValueError("no epochs")
        return history
