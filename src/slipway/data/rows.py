"""The one shape in which every source hands over its rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from slipway.files import read_json, write_json, written_by

COLUMNS = ["text", "label", "split", "origin"]
SPLITS = ("train", "validation", "test")


class Row(NamedTuple):
    """One labelled text; `split` is its official split or None, `origin` where it stands ("file:row")."""

    text: str
    label: str
    split: str | None
    origin: str


@dataclass(frozen=True)
class Raw:
    """The rows of a source, and what to remember of where they came from."""

    rows: list[Row]
    facts: dict[str, Any]


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """The rows as a frame of the columns text, label, split, origin; all str, split may be null."""
    return pd.DataFrame(list(rows), columns=COLUMNS).astype("str")


def write_raw(folder: Path, raw: Raw) -> None:
    """Write rows.parquet and source.json into a folder that exists."""
    table = frame(raw.rows)
    write_parquet(folder / "rows.parquet", table)
    counts = table["split"].value_counts().sort_index().to_dict()
    facts = raw.facts | {"rows": len(table), "classes": int(table["label"].nunique()), "official_split": counts}
    write_json(folder / "source.json", facts)


def read_raw(folder: Path) -> pd.DataFrame:
    """The rows that fetch wrote. Raises UserError where they are missing or damaged."""
    path = folder / "rows.parquet"
    with written_by("fetch", path):
        return pd.read_parquet(path, columns=COLUMNS)


def read_facts(folder: Path) -> dict[str, Any]:
    """What fetch remembers of the source. Raises UserError where it is missing or damaged."""
    return read_json(folder / "source.json", "fetch")


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a frame as Parquet, without the index."""
    table.to_parquet(path, index=False, compression="zstd")
