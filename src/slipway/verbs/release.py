"""`slipway release staging|production`: brings the bundle that main asks for to an environment."""

import os

from slipway.config.compose import runtime
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.commit import tip
from slipway.delivery.github.job import output, summary
from slipway.delivery.release.steps import Refused, Release, Released, canary_asked, forced
from slipway.delivery.release.wanted import Wanted, needed
from slipway.delivery.terraform.root import ENVIRONMENTS
from slipway.errors import UserError
from slipway.tracking import promote


def run(words: list[str]) -> int:
    """Outputs `version` and `url`; returns 1 where the version did not prove good, and another answers.

    Outputs then `rejected`: what must not come again, as `bundle:DIGEST` or `image:TAG`; empty where it may.
    """
    if len(words) != 1 or words[0] not in ENVIRONMENTS:
        raise UserError(f"slipway release takes one of {', '.join(ENVIRONMENTS)}.")
    wanted = needed()
    check_tip(wanted.commit)
    release = Release(words[0], wanted, forced(), canary_asked())
    try:
        released = release.run()
    except Refused as error:
        rejected = release.rejected()
        output("rejected", rejected.text() if rejected else "")
        summary(f"**{words[0]}: not released.** {error}")
        print(f"error: {error}")
        return 1
    output("version", released.version)
    output("rejected", "")
    output("url", released.url)
    summary(table(words[0], wanted, released, champion(wanted.bundle) if words[0] == "production" else ""))
    return 0


def check_tip(commit: str) -> None:
    """Raise UserError in a run that is run again, where main has moved on: it would bring back what was before."""
    if int(os.environ.get("GITHUB_RUN_ATTEMPT") or 1) < 2:
        return
    github = GitHub.from_environment()
    base = str(github.get("")["default_branch"])
    there = str(tip(github, base))
    if there != commit:
        raise UserError(
            f"{base} has moved on from {commit[:12]} to {there[:12]} since this run began: nothing is released. "
            "`gh workflow run deploy.yml` brings what it asks for now."
        )


def champion(bundle: str) -> str:
    """Let MLflow know which bundle answers, last: it mirrors, and never decides. Says what came of it."""
    tracking = runtime().tracking
    if tracking.uri is None:
        return "tracking is off: nothing was moved"
    return promote(tracking, bundle) or "MLFLOW_TRACKING_URI names no server that answers and has it: nothing was moved"


def table(environment: str, wanted: Wanted, released: Released, mlflow: str) -> str:
    """What answers now."""
    rows = {
        "version": released.version,
        "bundle": f"`{wanted.bundle[:16]}`",
        "image": f"`{wanted.tag}`",
        "commit": f"`{wanted.commit[:12]}`",
        "address": released.url,
        "what was done": released.done,
    } | ({"MLflow's champion": mlflow} if mlflow else {})
    lines = [f"### {environment}", "", "| | |", "|---|---|", *(f"| {name} | {each} |" for name, each in rows.items())]
    return "\n".join(lines)
