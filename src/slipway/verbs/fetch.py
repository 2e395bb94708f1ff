"""Bring the raw text: writes data/raw."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from slipway.config import resolved
from slipway.config.data import SourceConfig
from slipway.data.rows import write_raw
from slipway.data.sources.read import read
from slipway.files import whole_folder

RAW = Path("data/raw")


def run() -> None:
    """Read the source that resolved.yaml names into data/raw/rows.parquet and source.json."""
    source: SourceConfig = resolved.read("data.source", SourceConfig)
    raw = read(source)
    with whole_folder(RAW) as folder:
        write_raw(folder, raw)
    classes = len({row.label for row in raw.rows})
    Console().print(
        Text(f"fetched {len(raw.rows):,} rows of {classes:,} classes into {RAW} ({source.kind})"), soft_wrap=True
    )
