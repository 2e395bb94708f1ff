"""`slipway jobs`: what was trained, where, for how long, and what it cost."""

from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from slipway.compute.backend import Attempt
from slipway.compute.folder import JobFolder
from slipway.compute.local import Local
from slipway.compute.project import state
from slipway.config.compose import runtime
from slipway.config.compute import SageMakerCompute

WIDTH = 110


def run() -> None:
    """Print a table of the attempts on this machine, and with compute=sagemaker of the account's newest."""
    found = here()
    compute = runtime().compute
    if isinstance(compute, SageMakerCompute):
        from slipway.compute.sagemaker.account import Account
        from slipway.compute.sagemaker.attempts import Attempts

        found += Attempts(compute, Account(compute.region), "").newest()
    if not found:
        print("no jobs yet: `dvc repro` trains, `slipway submit` only starts a job")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("job", "where"):
        table.add_column(name, no_wrap=True)
    for name in ("state", "started"):
        table.add_column(name)
    for name in ("took", "cost"):
        table.add_column(name, justify="right")
    oldest = datetime.min.replace(tzinfo=UTC)
    for each in sorted(found, key=lambda each: each.started or oldest, reverse=True):
        table.add_row(
            each.name,
            each.where,
            each.state,
            each.started.astimezone().strftime("%m-%d %H:%M") if each.started else "",
            f"{each.seconds:,.0f} s" if each.seconds is not None else "",
            f"${each.usd:.2f}" if each.usd is not None else "",
        )
    console = Console()
    console.width = max(console.width, WIDTH)  # a narrow terminal wraps; a name that is cut is of no use
    console.print(table)


def here() -> list[Attempt]:
    """The last attempt at each job of this machine."""
    folders = [JobFolder(path.name, state()) for path in (state() / "jobs").glob("*") if path.is_dir()]
    return [attempt for folder in folders if (attempt := Local(folder).attempt()) is not None]
