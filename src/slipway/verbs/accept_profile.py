"""Make the last data profile the baseline that drift is measured from: writes data/profiles/NAME.json."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from slipway.config import resolved
from slipway.data import profile
from slipway.errors import UserError
from slipway.files import write_json

PROFILE = Path("reports/data_profile.json")
BASELINES = Path("data/profiles")


def run() -> None:
    """Copy reports/data_profile.json to where git keeps it, under the data set's name."""
    name: str = resolved.read("data.name", str)
    accepted = profile.load(PROFILE)
    if accepted is None:
        raise UserError(f"{PROFILE} is missing: `dvc repro validate` writes it.")
    baseline = BASELINES / f"{name}.json"
    write_json(baseline, profile.to_json(accepted))
    Console().print(Text(f"{baseline} is now the baseline ({accepted.rows:,} rows). Commit it."), soft_wrap=True)
