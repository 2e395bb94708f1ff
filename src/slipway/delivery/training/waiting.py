"""Which pull request waits for which job, and what is to be done about it: all of it may be done twice.

What a pull request waits for stands in its comment, what a job did only AWS knows; nothing else is remembered.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from slipway.compute.folder import PROJECT, parse_name
from slipway.compute.sagemaker.attempts import ForeignJobError
from slipway.compute.sagemaker.fleet import Fleet
from slipway.compute.sagemaker.trained import Trained
from slipway.delivery.github import commit, sticky
from slipway.delivery.github.api import GitHub, GitHubError, again
from slipway.delivery.github.pulls import LABEL, Pull, asking, pull
from slipway.delivery.github.sticky import BOT, MOST_ASKED, State
from slipway.delivery.report.markdown import span
from slipway.delivery.training.experiment import FORM
from slipway.delivery.training.permit import check_label
from slipway.errors import UserError

WORKFLOW = "train.yml"
# attempts at one job that end for want of machines, before a person is to look
MOST_ATTEMPTS = 12
MOST_RUNS = 100  # dispatched runs, the newest: what has not ended is among them
Action = Literal["nothing", "report", "train", "give up"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Due:
    """A pull request whose job has ended, as report.yml takes it."""

    number: int
    sha: str
    job: str
    base: str


def decide(state: State | None, is_ours: bool, last: Trained | None) -> Action:
    """What a pull request that asks for training needs now.

    `is_ours` says whether the state is about its head, or about the commit that the bot's commit at its head followed;
    `last` is the last attempt at the job that the state names.
    """
    asked = state.asked if state is not None and is_ours else 0
    train: Action = "train" if asked < MOST_ASKED else "nothing" if asked > MOST_ASKED else "give up"
    if state is None or not is_ours or state.job is None:
        return "nothing" if state and is_ours and state.status in ("reported", "failed", "stopped") else train
    if state.status != "training":
        return "nothing" if state.status != "waiting" else train
    if last is None:
        return train
    if last.fate == "running":
        return "nothing"
    if last.fate == "again":
        return train if last.attempt < MOST_ATTEMPTS else "report"
    return "report"


def sweep(github: GitHub, fleet: Fleet, say: Say) -> list[Due]:
    """The pull requests whose jobs have ended; those that need a job, and have none, are asked for again."""
    due: list[Due] = []
    for each in asking(github):
        there = sticky.find(github, each.number)
        state = there.state if there else None
        try:
            last = fleet.last(state.hash) if state and state.hash else None
        except ForeignJobError as error:
            say(f"#{each.number}: {error}")
            continue
        action = decide(state, state is not None and is_about(github, state, each), last)
        if action == "report" and last is not None:
            due.append(Due(each.number, each.sha, last.name, each.base))
            say(f"#{each.number}: {last.name} has ended ({last.fate}): to be reported")
        elif action == "train" and at_it(github, each):
            say(f"#{each.number}: {WORKFLOW} is at it")
        elif action == "train" and (why := refusal(github, each)):
            say(f"#{each.number}: {why}")
        elif action == "train":
            train(github, each, state)
            say(f"#{each.number}: {each.sha[:12]} has no job: {WORKFLOW} is asked for one")
        elif action == "give up":
            give_up(github, each, state)
            say(f"#{each.number}: {each.sha[:12]} has no job, and was asked for one {MOST_ASKED} times")
        else:
            say(f"#{each.number}: nothing to do")
    return due


def is_about(github: GitHub, state: State, found: Pull) -> bool:
    """Whether a state is about a pull request's head, or about the commit that the bot's report lies on."""
    if state.sha == found.sha:
        return True
    head = commit.look(github, found.sha)
    return head.author == BOT and head.parents == (state.sha,)


def at_it(github: GitHub, found: Pull) -> list[Mapping[str, Any]]:
    """The runs that a pull request's head began, or that were dispatched for it, and that have not ended."""
    path = f"actions/workflows/{WORKFLOW}/runs"
    runs = [*github.pages(path, "workflow_runs", head_sha=found.sha)]
    # those have main's commit, and say in their title (`run-name`) what they are for
    titles = {f"train pull request {found.number} again"}
    if found.branch.startswith(FORM):
        titles.add(f"train {found.branch.removeprefix(FORM)}")
    dispatched = islice(github.pages(path, "workflow_runs", event="workflow_dispatch"), MOST_RUNS)
    runs += [run for run in dispatched if run["display_title"] in titles]
    return [run for run in runs if run["status"] != "completed"]


def refusal(github: GitHub, found: Pull) -> str:
    """Why train.yml would refuse a pull request that it is asked for; empty where it would not."""
    try:
        check_label(github, found.number)
    except GitHubError:
        raise
    except UserError as error:
        return str(error)
    return ""


def train(github: GitHub, found: Pull, state: State | None) -> None:
    """Ask train.yml for a job of a pull request's head, and count that: what it submits sets the count back."""
    same = state if state is not None and state.sha == found.sha else None
    kept = State(
        sha=found.sha,
        job=state.job if state else None,
        attempt=state.attempt if state else 0,
        status=same.status if same and same.status == "training" else "waiting",
        compute=state.compute if state else (),
        superseded=state.superseded if state else (),
        asked=same.asked + 1 if same else 1,
    )
    sticky.write(
        github, found.number, f"### Waiting\n\nA job for {span(found.sha[:12])} is about to be submitted.", kept
    )
    base = str(github.get("")["default_branch"])
    inputs = {"pull_request": str(found.number)}
    github.post(f"actions/workflows/{WORKFLOW}/dispatches", {"ref": base, "inputs": inputs}, look=again)


def give_up(github: GitHub, found: Pull, state: State | None) -> None:
    """Say once that no job could be submitted."""
    assert state is not None
    body = (
        "### Not submitted\n\n"
        f"No job could be submitted for {span(found.sha[:12])}: the [runs of {WORKFLOW}]"
        f"({github.url}/actions/workflows/{WORKFLOW}) say why. When that is mended, take the label `{LABEL}` off and "
        "set it again."
    )
    sticky.write(github, found.number, body, state.model_copy(update={"asked": MOST_ASKED + 1}))


def stop_unwanted(github: GitHub, fleet: Fleet, say: Say) -> list[str]:
    """Stop what runs though no pull request that asks for training waits for it; returns the names.

    A job is stopped only where the pull request that it is tagged with asks for none any more, or has another for its
    head: what a person started is theirs, and what is submitted just now is named in a moment. While another pull
    request's is submitted, which may be any of these, none is stopped: the next sweep does.
    """
    running = {name: number for name, number in fleet.running().items() if number is not None}
    if not running:
        return []
    asks = list(asking(github))
    if submitting := [f"#{each.number}" for each in asks if is_submitted_now(github, each)]:
        say(f"{WORKFLOW} is at it for {', '.join(submitting)}: nothing is stopped before it has named its job")
        return []
    wanted = {hash for each in asks for hash in wants(github, each)}
    stopped = []
    for name, number in running.items():
        hash, _ = parse_name(name)
        if hash in wanted or not may_stop(github, number, hash):
            continue
        if fleet.stop(name):
            say(f"{name} was asked to stop: no pull request waits for it any more")
            stopped.append(name)
        forget(github, number, hash)
    return stopped


def is_submitted_now(github: GitHub, found: Pull) -> bool:
    """Whether a run looks for, or has, a job for a pull request's head that its comment does not name yet.

    One that waits for a person's approval, for weeks maybe, does not look yet.
    """
    there = sticky.find(github, found.number)
    if is_announced(there.state if there else None, found):
        return False
    return any(run["status"] != "waiting" for run in at_it(github, found))


def is_announced(state: State | None, found: Pull) -> bool:
    """Whether a comment's state names the job for a pull request's head."""
    return state is not None and state.sha == found.sha and state.status != "waiting"


def wants(github: GitHub, found: Pull) -> Iterator[str]:
    """The job that a pull request which asks for training waits for."""
    there = sticky.find(github, found.number)
    if there and there.state and there.state.hash and there.state.status == "training":
        yield there.state.hash


def may_stop(github: GitHub, number: int, hash: str) -> bool:
    """Whether the pull request `number` asks for no training any more, or its comment names another job for its head.

    Its comment need not name this one, as where a runner died before it wrote that. While a job for the head is being
    submitted, none is stopped: this may be that one, also where the comment names it as superseded.
    """
    try:
        found = pull(github, number)
        there = sticky.find(github, number)
        state = there.state if there else None
        return not found.asks or (is_announced(state, found) and state is not None and state.hash != hash)
    except GitHubError as error:
        if error.status in (404, 410):
            return False
        raise


def forget(github: GitHub, number: int, hash: str) -> None:
    """Let a pull request that no longer asks for training wait for no job: asked again, it begins anew."""
    there = sticky.find(github, number)
    if there is None or there.state is None or there.state.hash != hash or there.state.status != "training":
        return
    if pull(github, number).asks:
        return  # its job is another's by now
    state = there.state.model_copy(
        update={
            "job": None,
            "attempt": 0,
            "status": "waiting",
            "superseded": tuple(dict.fromkeys((*there.state.superseded, hash)))[-20:],
        }
    )
    body = (
        f"### Stopped\n\n{span(f'{PROJECT}-{hash}')} was stopped, for nobody waits for it any more. With the label "
        f"`{LABEL}` on the open pull request it goes on from its last checkpoint."
    )
    sticky.write(github, number, body, state)
