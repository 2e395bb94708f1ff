"""A report is one commit and one comment, however often it is delivered, and never runs a person's commit over."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.sticky import BOT, MOST_ASKED, State
from slipway.delivery.report.handover import COMMITTED, Gate, Handover, Metrics, Report
from slipway.delivery.report.publish import Published, publish
from slipway.errors import UserError
from slipway.rehearsal.github import GitHub as Hub
from slipway.verbs.publish import run

from .conftest import FIGURES

JOB = "slipway-0123456789abcdef-1"
CI = "on:\n  pull_request:\n  workflow_dispatch:\njobs:\n  test: {runs-on: x, steps: [{run: 'true'}]}\n"
Client = Callable[..., GitHub]
Opened = Callable[..., int]


def good(epochs: int = 5, **told: Any) -> Handover:
    values = {"train": {"epochs": epochs}}
    files = {name: f"{name} {epochs}\n" for name in COMMITTED} | {"resolved.yaml": yaml.safe_dump(values)}
    gate = {"verdict": "promote", "reasons": [], "budgets": [], "champion": None, "bundle": "b" * 64}
    return Handover(
        Report.model_validate({"version": 1, "outcome": "reported", **told}),
        files,
        Metrics.model_validate_json(json.dumps({**FIGURES, "rows": 10, "baseline": FIGURES})),
        Gate.model_validate_json(json.dumps(gate)),
        values,
    )


BAD = Handover(Report(version=1, outcome="failed", reason="AlgorithmError: no memory", log=("Killed",)))


@pytest.fixture
def number(hub: Hub, opened: Opened) -> int:
    """A pull request that asks for training, in a repository with a ci.yml."""
    hub.as_user().commit("main", {".github/workflows/ci.yml": CI, "resolved.yaml": "train: {epochs: 10}\n"})
    return opened("wider", "train")


@pytest.fixture
def deliver(hub: Hub, client: Client, number: int) -> Callable[..., Published]:
    """Publishes a handover about the commit `sha`, which is the head where none is named."""

    def make(handover: Handover, sha: str | None = None, run: int = 1) -> Published:
        told = {"run": f"https://github.com/acme/texts/actions/runs/{run}"}
        return publish(client(), handover, number, sha or hub.pulls[number].head_sha, JOB, told, [])

    return make


def dispatched(hub: Hub) -> list[tuple[str, str]]:
    found = []
    while not hub.events.empty():
        event = hub.events.get()
        if event.name == "workflow_dispatch":
            found.append((event.payload["workflow"], event.ref))
    return found


def state_of(client: Client, number: int) -> State:
    found = sticky.find(client(), number)
    assert found
    assert found.state
    return found.state


def test_a_report_is_a_commit_a_comment_and_checks(
    hub: Hub, client: Client, number: int, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    done = deliver(good())
    assert (done.committed, done.moved) == (True, False)
    made = hub.git.commit(done.head)
    assert made.parents == (sha,)
    assert made.author.name == BOT
    assert {change.path for change in hub.git.changes(sha, done.head)} == set(COMMITTED)
    assert hub.pulls[number].head_sha == done.head
    [comment] = hub.comments_of(number)
    assert "### Promote" in comment.body
    assert "| `train.epochs` | `10` | `5` |" in comment.body
    assert dispatched(hub) == [(".github/workflows/ci.yml", "refs/heads/wider")]
    state = state_of(client, number)
    assert (state.sha, state.name, state.status) == (done.head, JOB, "reported")


@pytest.mark.parametrize("ended", ["action_required", "failure"])
def test_checks_are_asked_for_once_though_githubs_own_run_waits(
    hub: Hub, number: int, ended: str, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    deliver(good(), sha)
    [waits] = hub.runs.values()
    assert (waits.file, waits.event.name, waits.conclusion) == ("ci.yml", "pull_request", "action_required")
    # what nobody has approved ends as a failure when the pull request is closed
    hub.end_run(waits.id, ended)
    assert len(dispatched(hub)) == 1
    # the dispatch came to nothing
    deliver(good(), sha)
    event = hub.events.get_nowait()
    assert (event.name, event.ref, event.sha) == ("workflow_dispatch", "refs/heads/wider", hub.pulls[number].head_sha)
    hub.start_run("ci.yml", "ci", event)
    deliver(good(), sha)
    assert dispatched(hub) == []


def test_delivered_twice_it_is_one_commit_and_one_comment(
    hub: Hub, client: Client, number: int, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    first = deliver(good(), sha)
    second = deliver(good(), sha, run=2)
    assert second == Published(first.head, False, False)
    assert hub.pulls[number].head_sha == first.head
    assert len(hub.comments_of(number)) == 1
    # and of the head that the first one made, as a sweep that runs late reports it
    assert deliver(good(), first.head) == Published(first.head, False, False)
    assert state_of(client, number).status == "reported"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/git/trees$"), ("POST", "/git/commits$"), ("PATCH", "/git/refs/"), ("POST", "/comments$")],
)
def test_an_answer_that_is_lost_does_nothing_twice(
    method: str, path: str, hub: Hub, number: int, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    hub.faults.lose(method, path)
    done = deliver(good(), sha)
    assert done.committed
    assert hub.git.commit(hub.pulls[number].head_sha).parents == (sha,)
    assert len(hub.comments_of(number)) == 1


def test_a_run_that_died_after_its_commit_is_finished_by_the_next(
    hub: Hub, client: Client, number: int, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    hub.faults.answer("POST", "/dispatches$", 403)
    with pytest.raises(UserError):
        publish(client(contents="write", pull_requests="write", actions="read"), good(), number, sha, JOB, {}, [])
    assert hub.comments_of(number) == []
    hub.faults.mend()
    done = deliver(good(), sha)
    assert not done.committed
    assert dispatched(hub) == [(".github/workflows/ci.yml", "refs/heads/wider")]
    assert len(hub.comments_of(number)) == 1


def test_a_branch_that_moved_is_not_run_over(
    hub: Hub, client: Client, number: int, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    theirs = hub.as_user().commit("wider", {"README.md": "mine\n"})
    done = deliver(good(), sha)
    assert done == Published(theirs, False, True)
    assert hub.pulls[number].head_sha == theirs
    [comment] = hub.comments_of(number)
    assert "The branch has moved on" in comment.body
    assert state_of(client, number).status == "waiting"
    assert dispatched(hub) == []


def test_a_branch_that_moves_in_between_is_not_run_over(
    hub: Hub, client: Client, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha, github = hub.pulls[number].head_sha, client()
    really, theirs = github.patch, []

    def late(*words: Any, **more: Any) -> Any:
        theirs.append(hub.as_user().commit("wider", {"README.md": "mine\n"}))
        monkeypatch.setattr(github, "patch", really)
        return really(*words, **more)

    monkeypatch.setattr(github, "patch", late)
    done = publish(github, good(), number, sha, JOB, {}, [])
    assert done.moved
    assert hub.pulls[number].head_sha == theirs[0]


def test_a_commit_that_only_looks_like_the_bots_is_not_taken_for_it(
    hub: Hub, number: int, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    hub.as_user().commit("wider", good().files, f"Report {JOB}")
    assert deliver(good(), sha).moved


def test_the_comment_about_a_newer_job_stays(
    hub: Hub, client: Client, number: int, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    newer = hub.as_user().commit("wider", {"README.md": "mine\n"})
    sticky.write(client(), number, "### Training", State(sha=newer).followed_by(newer, "f" * 16, 1, None))
    assert deliver(good(), sha).moved
    assert deliver(BAD, sha).moved
    assert "### Training" in hub.comments_of(number)[0].body


def test_a_failure_is_told_and_commits_nothing(
    hub: Hub, client: Client, number: int, deliver: Callable[..., Published]
) -> None:
    sha = hub.pulls[number].head_sha
    assert deliver(BAD) == Published(sha, False, False)
    assert hub.pulls[number].head_sha == sha
    [comment] = hub.comments_of(number)
    assert "### Training failed" in comment.body
    assert "AlgorithmError: no memory" in comment.body
    assert "Killed" in comment.body
    assert dispatched(hub) == []
    assert state_of(client, number).status == "failed"


def test_nothing_new_is_no_commit(hub: Hub, number: int, deliver: Callable[..., Published]) -> None:
    theirs = hub.as_user().commit("wider", good().files)
    assert deliver(good()) == Published(theirs, False, False)
    assert hub.pulls[number].head_sha == theirs


def test_a_closed_pull_request_is_left_as_it_is(hub: Hub, number: int, deliver: Callable[..., Published]) -> None:
    sha = hub.pulls[number].head_sha
    hub.as_user().close(number)
    assert deliver(good()) == Published(sha, False, False)
    assert hub.comments_of(number) == []


def test_a_fork_gets_no_commit(hub: Hub, client: Client) -> None:
    mallory = hub.as_user("mallory", "read")
    mallory.fork()
    sha = mallory.commit("evil", {"params.yaml": "data: csv\n"}, owner="mallory")
    number = mallory.open_pull_request("mallory:evil")
    with pytest.raises(UserError, match="comes from a fork"):
        publish(client(), good(), number, sha, JOB, {}, [])


@pytest.fixture
def trained(hub: Hub, client: Client, number: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """A head whose job has ended, and the environment of the job that publishes its report."""
    sha = hub.pulls[number].head_sha
    # the runner of a later attempt may have died before it told of it
    sticky.write(client(), number, "### Training", State(sha=sha).followed_by(sha, JOB.split("-")[-2], 1, 1.0))
    token = hub.token_for({"contents": "write", "pull_requests": "write", "actions": "write"})
    told = {"GITHUB_REPOSITORY": "acme/texts", "GITHUB_API_URL": hub.url, "GITHUB_RUN_ID": "7", "GITHUB_TOKEN": token}
    for name, value in (told | {"JOB": JOB, "SHA": sha, "PULL_REQUEST": str(number)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return sha


def test_a_branch_that_refuses_the_commit_is_told_and_not_tried_for_ever(
    hub: Hub, client: Client, number: int, trained: str, pack: Callable[..., Path]
) -> None:
    hub.rulesets[1] = {
        "enforcement": "active",
        "target": "branch",
        "conditions": {"ref_name": {"include": ["refs/heads/wider"], "exclude": []}},
        "rules": [{"type": "pull_request"}],
        "bypass_actors": [],
    }
    for tried in range(MOST_ASKED):
        assert (state_of(client, number).status, state_of(client, number).asked) == ("training", tried)
        with pytest.raises(UserError, match="Changes must be made through a pull request"):
            run([str(pack())])
    [comment] = hub.comments_of(number)
    assert "Changes must be made through a pull request" in comment.body
    assert "has moved on" not in comment.body
    assert state_of(client, number).status == "failed"
    assert hub.pulls[number].head_sha == trained


@pytest.mark.parametrize(
    ("uri", "there", "absent"),
    [
        ("", ("[report and bundle](", "exported as an artifact"), ("dvc pull",)),
        ("https://mlflow.example.com", ("[MLflow](", "dvc pull reports/report.html"), ("[report and bundle](",)),
        ("arn:aws:sagemaker:eu-central-1:1:mlflow-app/a", ("dvc pull reports/report.html",), ("[MLflow](", "arn:aws")),
    ],
)
@pytest.mark.usefixtures("trained")
def test_the_comment_leads_to_the_report_where_it_is(
    uri: str,
    there: tuple[str, ...],
    absent: tuple[str, ...],
    hub: Hub,
    number: int,
    pack: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    run([str(pack())])
    [comment] = hub.comments_of(number)
    assert all(each in comment.body for each in there)
    assert not any(each in comment.body for each in absent)


@pytest.mark.parametrize("last", [1, 2])
def test_a_report_that_never_comes_ends_as_a_failure(
    last: int, hub: Hub, client: Client, number: int, trained: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOB", f"{JOB.rpartition('-')[0]}-{last}")
    for tried in range(MOST_ASKED):
        [comment] = hub.comments_of(number)
        assert "### Training\n" in comment.body
        assert (state_of(client, number).status, state_of(client, number).asked) == ("training", tried)
        with pytest.raises(UserError, match="is no folder with a handover"):
            run([str(tmp_path / "nothing")])
    [comment] = hub.comments_of(number)
    assert "### Training failed" in comment.body
    assert "is no folder with a handover" in comment.body
    assert state_of(client, number).status == "failed"
