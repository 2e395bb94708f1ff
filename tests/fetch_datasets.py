"""Brings banking77, which most tests read, from its authors' repository: `python tests/fetch_datasets.py FOLDER`."""

import shutil
import sys
from pathlib import Path

from slipway.config.compose import Order, resolve
from slipway.config.data import Banking77
from slipway.data.rows import SPLITS
from slipway.data.sources.labelled_csv import bring
from slipway.errors import UserError


def fetch(folder: Path) -> None:
    """Write banking77/train.csv and test.csv, whose checksums conf/data/banking77.yaml holds. Raises UserError."""
    source = resolve(Order({"data": "banking77"}))[0].data.source
    assert isinstance(source, Banking77)
    target = folder / source.kind
    target.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        if address := getattr(source.files, split):
            path = bring(address, getattr(source.sha256, split), f"data.source.sha256.{split}")
            shutil.copyfile(path, target / f"{split}.csv")


if __name__ == "__main__":
    try:
        fetch(Path(sys.argv[1]))
    except UserError as error:
        sys.exit(f"error: {error}")
