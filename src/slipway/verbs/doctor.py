"""`slipway doctor`: what the set-up lacks, from this machine to production, and the command that mends it."""

from collections.abc import Iterator
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from slipway.config.compose import runtime
from slipway.config.compute import SageMakerCompute
from slipway.config.tracking import without_password
from slipway.delivery.doctor import machine, project, services
from slipway.delivery.doctor.account import Account
from slipway.delivery.doctor.finding import Finding, State, bad
from slipway.delivery.project import project as named
from slipway.delivery.terraform.root import FOLDER
from slipway.errors import UserError

STYLE = {State.GOOD: "green", State.BAD: "bold red", State.UNKNOWN: "yellow"}


def run() -> int:
    """Print what was found, part by part; returns 1 where something must be mended.

    Raises UserError outside a project's folder.
    """
    if not FOLDER.is_dir():
        raise UserError(f"there is no {FOLDER}/ here: run this in the project's folder.")
    console, worst = Console(), 0
    for title, findings in parts():
        console.print(Text(f"\n{title}", style="bold"))
        for finding in read(findings):
            said = without_password(finding.said).replace("\n", "\n    ")
            console.print(Text.assemble("  ", (finding.state.value, STYLE[finding.state]), f" {said}"), soft_wrap=True)
            if finding.mend:
                console.print(Text(f"      {without_password(finding.mend)}", style="cyan"), soft_wrap=True)
            worst |= finding.state is State.BAD
    return int(worst)


def read(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, the last of which says why no more could be looked at."""
    try:
        yield from findings
    except (OSError, ValueError) as error:
        yield bad(f"the rest could not be looked at ({error})", "mend what it names")


def parts() -> Iterator[tuple[str, Iterator[Finding]]]:
    """Each part's title and findings, which are looked for as they are read."""
    told, sagemaker, wrong = None, None, ""
    try:
        told = runtime()
    except UserError as error:
        wrong = str(error)
    with suppress(UserError):  # somebody's own choices may be another compute's
        sagemaker = runtime(["compute=sagemaker"]).compute
    yield "this machine", machine.look(told.compute.kind if told else "")
    yield "project", project.look()
    if wrong:
        yield "configuration", iter([bad(wrong, "mend what it names")])
    account: Account | None = None
    with suppress(UserError):  # told above
        account = Account(named())
    if account and isinstance(sagemaker, SageMakerCompute):
        yield "AWS", account.look(sagemaker)
    yield "GitHub", services.github(account.needs if account else None)
    s3 = account.client("s3") if account and account.number else None
    yield "data", services.remote(s3, made=bool(account and account.needs))
    if told:
        yield "runs", services.mlflow(told.tracking)
