"""Brings a report to its pull request: what it changed in the tree as one commit, what it found as the comment.

This runs the main branch's code with the right to write, on data that a pull request's code made.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.compute.folder import parse_name
from slipway.delivery.github import commit as git
from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub, again
from slipway.delivery.github.pulls import Pull, pull
from slipway.delivery.github.sticky import BOT, MOST_ASKED, State
from slipway.delivery.report.changes import changes
from slipway.delivery.report.comment import Story, report
from slipway.delivery.report.handover import COMMITTED, Handover, Report, plain_yaml
from slipway.errors import UserError

CHECKS = "ci.yml"


@dataclass(frozen=True)
class Published:
    """What became of a report: the commit at the branch's head, and whether it is this report's."""

    head: str
    committed: bool
    moved: bool


def publish(
    github: GitHub, handover: Handover, number: int, sha: str, job: str, pages: Mapping[str, str], notes: list[str]
) -> Published:
    """Commit and tell a handover about the commit `sha` of the pull request `number`; `job` names the attempt.

    Done twice it gives one commit and one comment. A branch that has moved is left as it is, as is all of a pull
    request that is closed. Raises UserError for one of a fork.
    """
    hash, attempt = parse_name(job)
    found = pull(github, number)
    if not found.home:
        raise UserError(f"#{number} comes from a fork: nothing is committed there.")
    if found.branch == github.get("")["default_branch"]:
        raise UserError(f"#{number} would merge the default branch: nothing is committed there.")
    if not found.is_open:
        return Published(found.sha, False, False)
    head, committed = (found.sha, False) if not handover.files else deliver(github, found, sha, handover, job)
    moved = head is None or (not handover.files and found.sha != sha)
    if head is not None and handover.files:
        check(github, found.branch, head)
    values = changes(base_values(github, found.base), handover.resolved)
    story = Story(sha, job, found.base, pages, tuple(notes), moved)
    there = sticky.find(github, number)
    before = there.state if there and there.state else State(sha=sha)
    if moved and before.sha != sha:
        return Published(found.sha, committed, moved)  # the comment tells of the newer commit already
    state = before
    if not moved:
        training = handover.report.training
        state = before.followed_by(head or sha, hash, attempt, training.usd if training else None)
        state = state.model_copy(update={"status": handover.report.outcome})
    sticky.write(github, number, report(handover, values, story), state)
    return Published(head or found.sha, committed, moved)


def undelivered(github: GitHub, number: int, sha: str, job: str, why: str, pages: Mapping[str, str]) -> bool:
    """Count a report that could not be published, in the state; the last of a few is told as a failure, and ends it.

    Returns whether it was. A state that is about another job, or reported already, stays as it is; one of an earlier
    attempt is about this job, where a runner died before it told of the later one.
    """
    there = sticky.find(github, number)
    if (
        there is None
        or there.state is None
        or there.state.hash != parse_name(job)[0]
        or there.state.status != "training"
    ):
        return False
    last = there.state.asked + 1 >= MOST_ASKED
    state = there.state.model_copy(
        update={"asked": there.state.asked + 1, "status": "failed" if last else there.state.status}
    )
    told = Handover(Report(version=1, outcome="failed", reason=f"No report could be published: {why}"[:4000]))
    body = report(told, [], Story(sha, job, "", pages)) if last else sticky.body_of(there.text)
    sticky.write(github, number, body, state)
    return last


def deliver(github: GitHub, found: Pull, sha: str, handover: Handover, job: str) -> tuple[str | None, bool]:
    """The commit that holds the files, and whether it was made now; None where the branch has moved.

    It is the head itself where that holds them already, as after a report that was delivered before.
    """
    assert set(handover.files) == set(COMMITTED)
    start = git.look(github, sha)
    tree = git.tree_with(github, start.tree, handover.files)
    if found.sha != sha:
        head = git.look(github, found.sha)
        same = head.tree == tree and head.parents == (sha,) and head.author == BOT
        return (found.sha, False) if same else (None, False)
    if tree == start.tree:
        return sha, False
    made = git.commit(github, f"Report {job}", tree, sha)
    try:
        git.move(github, found.branch, made, sha)
    except git.MovedError:
        return None, False
    return made, True


def check(github: GitHub, branch: str, head: str) -> None:
    """Ask for the checks of a commit, once.

    What a push began does not count: the run of the bot's own waits until somebody approves it, and is told of as
    completed.
    """
    runs = github.pages(f"actions/workflows/{CHECKS}/runs", "workflow_runs", head_sha=head, event="workflow_dispatch")
    if next(runs, None) is None:
        github.post(f"actions/workflows/{CHECKS}/dispatches", {"ref": branch}, look=again)


def base_values(github: GitHub, base: str) -> dict[str, Any]:
    """resolved.yaml of the base branch; empty where it has none that can be read."""
    found = github.find("contents/resolved.yaml", ref=base)
    if not isinstance(found, dict) or found.get("encoding") != "base64":
        return {}
    try:
        return plain_yaml("resolved.yaml", base64.b64decode(found["content"]).decode())
    except (UserError, ValueError):
        return {}
