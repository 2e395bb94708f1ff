"""`slipway roll-back VERSION`: lets an earlier version answer in production, and takes back what answered."""

import os

from slipway.delivery.github.job import output, summary
from slipway.delivery.image.registry import Registry
from slipway.delivery.project import project
from slipway.delivery.release.canary import BACK, shift, stop
from slipway.delivery.release.function import Function, Live, function_of, pause
from slipway.delivery.release.record import Brought, Record
from slipway.delivery.release.steps import Release
from slipway.delivery.release.wanted import wanted
from slipway.errors import UserError
from slipway.evaluation.champion import git
from slipway.verbs.release import champion


def run(words: list[str]) -> None:
    """Outputs `version`, and as `rejected` what main asks for, where that must not come again (`slipway release`).

    Raises UserError for a version that there is not, or that does not answer.
    """
    function = function_of("production")
    record = Record(function.name, function.account)
    if len(words) != 1 or not words[0].isdecimal():
        raise UserError(
            "slipway roll-back takes the number of a version of production's function.",
        )
    version = words[0]
    check_same_tip()
    if running := record.active():
        if running.brought is None or not (running.brought.rejects and running.brought.version == version):
            print(f"deployment {running.id} is under way: it is stopped.", flush=True)
            stop(record, running.id)
        ended = record.wait(running.id, pause())
        if ended.rolled_back_by:
            record.wait(ended.rolled_back_by, pause())
    live = function.live()
    if live is None:
        raise UserError(f"{function.name} does not exist: nothing was released yet.")
    if live.version != version or live.shares:
        go_back(function, record, live, version)
    asked = wanted()
    rejected = Release("production", asked).rejected() if asked else None
    output("version", version)
    output("rejected", rejected.text() if rejected else "")
    summary(
        f"**Version {version} answers in production.** What it replaced is not released again without `force`. "
        f"MLflow's champion: {champion(function.bundle(version) or '')}."
    )


def check_same_tip() -> None:
    """Raise UserError in a run that is run again, where main has moved on: another may answer than who asked saw."""
    began, here = os.environ.get("GITHUB_SHA"), git("rev-parse", "HEAD")
    if int(os.environ.get("GITHUB_RUN_ATTEMPT") or 1) > 1 and began != here:
        raise UserError(
            f"main has moved on from {str(began)[:12]} to {str(here)[:12]} since this run began, so that it may take "
            "back what nobody meant: nothing is rolled back. Look what answers, and start another run."
        )


def go_back(function: Function, record: Record, live: Live, version: str) -> None:
    """Shift at once. Raises UserError where that fails."""
    image = function.image(version)
    if image is None:
        there = ", ".join(function.versions()[-10:])
        raise UserError(f"{function.name} has no version {version}; its newest are {there}.")
    answer, _ = function.ask({"texts": ["Does this version answer?"]}, version)
    if not isinstance(answer, dict) or "predictions" not in answer:
        raise UserError(f"version {version} does not answer either ({str(answer)[:200]}): choose another.")
    if live.version == version:  # and another has a share that no deployment gives it any more
        function.point(version)
        return
    registry = Registry(function.account, f"{project().name}-serve")
    replaced = function.image(live.version)
    tags = [next(iter(registry.tags(each)), "") if each else "" for each in (image, replaced)]
    brought = Brought(
        bundle=function.bundle(version) or "",
        tag=tags[0],
        version=version,
        before=live.version,
        rejects=function.bundle(live.version) or "",
        rejects_tag=tags[1],
    )
    started = shift(record, brought, [], BACK)
    ended = record.wait(started.id, pause())
    if ended.status != "Succeeded":
        raise UserError(f"{ended.words}: version {live.version} answers still, run this again.")
