"""What every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder with real copies of the public data sets banking77 and uci_news."""
    folder = Path(os.environ.get("SLIPWAY_DATASETS", ROOT.parent / "shared" / "datasets"))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}: set SLIPWAY_DATASETS")
    return folder
