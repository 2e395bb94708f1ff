"""`slipway doctor`: what the set-up lacks, from this machine to production, and the command that mends it."""

from collections.abc import Iterator
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from slipway.config.compose import runtime
from slipway.config.compute import SageMakerCompute
from slipway.delivery.doctor import machine, project, services
from slipway.delivery.doctor.account import Account
from slipway.delivery.doctor.finding import Finding, State
from slipway.delivery.project import project as named
from slipway.errors import UserError

STYLE = {State.GOOD: "green", State.BAD: "bold red", State.UNKNOWN: "yellow"}


def run() -> int:
    """Print what was found, part by part; returns 1 where something must be mended."""
    console, worst = Console(), 0
    for title, findings in parts():
        console.print(Text(f"\n{title}", style="bold"))
        for finding in findings:
            line = Text.assemble("  ", (finding.state.value, STYLE[finding.state]), f" {finding.said}")
            console.print(line, soft_wrap=True)
            if finding.mend:
                console.print(Text(f"      {finding.mend}", style="cyan"), soft_wrap=True)
            worst |= finding.state is State.BAD
    return int(worst)


def parts() -> Iterator[tuple[str, Iterator[Finding]]]:
    """Each part's title and findings, which are looked for as they are read."""
    told = runtime()
    yield "this machine", machine.look(told.compute.kind)
    yield "project", project.look()
    account: Account | None = None
    with suppress(UserError):  # told above
        account = Account(named())
    if account:
        sagemaker = runtime(["compute=sagemaker"]).compute
        assert isinstance(sagemaker, SageMakerCompute)
        yield "AWS", account.look(sagemaker)
        yield "GitHub", services.github(account.needs)
    yield "data", services.remote(account.client("s3") if account and account.number else None)
    yield "runs", services.mlflow(told.tracking)
