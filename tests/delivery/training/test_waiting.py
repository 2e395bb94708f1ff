"""What a pull request waits for is found out anew at each sweep, from its comment and from AWS, and done as often."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.__main__ import main
from slipway.compute.backend import Inputs
from slipway.compute.folder import JobFolder
from slipway.compute.image import DEVICES, image_tag
from slipway.compute.sagemaker import backend as module
from slipway.compute.sagemaker.backend import SageMaker
from slipway.compute.sagemaker.fleet import Fleet
from slipway.compute.sagemaker.trained import Trained
from slipway.config.compose import runtime
from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.sticky import MOST_ASKED, State
from slipway.delivery.report import handover
from slipway.delivery.report.hand_over import pack
from slipway.delivery.training.announce import announce
from slipway.delivery.training.waiting import (
    MOST_ATTEMPTS,
    Action,
    Due,
    decide,
    stop_unwanted,
    sweep,
)
from slipway.errors import UserError
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.github import GitHub as Hub
from slipway.rehearsal.runner.outside import Event

HASH = "0" * 16
JOB = f"slipway-{HASH}"
SHA = "a" * 40
LONG = 400  # epochs
TRAIN = """\
on:
  workflow_dispatch:
    inputs: {pull_request: {type: string}}
jobs:
  submit: {runs-on: x, steps: [{run: 'true'}]}
"""
Client = Callable[..., GitHub]
Opened = Callable[..., int]


def last(fate: str, attempt: int = 1) -> Trained:
    return Trained(f"{JOB}-{attempt}", HASH, attempt, fate, "why", "1 x ml.g5.xlarge", True, 60, 1.0, 1.0, 1.0, 0.1)  # type: ignore[arg-type]


def state(status: str = "training", asked: int = 0, job: str | None = JOB) -> State:
    return State.model_validate({"sha": SHA, "job": job, "attempt": 1, "status": status, "asked": asked})


@pytest.mark.parametrize(
    ("told", "is_ours", "found", "action"),
    [
        (None, False, None, "train"),
        (state(), False, last("running"), "train"),
        (state("waiting", job=None), True, None, "train"),
        (state("waiting", MOST_ASKED - 1, None), True, None, "train"),
        (state("waiting", MOST_ASKED, None), True, None, "give up"),
        (state("waiting", MOST_ASKED + 1, None), True, None, "nothing"),
        (state("waiting", MOST_ASKED + 1, None), False, None, "train"),
        (state(), True, last("running"), "nothing"),
        (state(), True, last("done"), "report"),
        (state(), True, last("failed"), "report"),
        (state(), True, last("stopped"), "report"),
        (state(), True, None, "train"),
        (state(), True, last("again"), "train"),
        (state(asked=MOST_ASKED), True, last("again"), "give up"),
        (state(), True, last("again", MOST_ATTEMPTS), "report"),
        (state("reported"), True, last("done"), "nothing"),
        (state("failed"), True, last("failed"), "nothing"),
        (state("stopped"), True, last("stopped"), "nothing"),
        (state("reported"), False, last("done"), "train"),
    ],
)
def test_what_a_pull_request_needs(told: State | None, is_ours: bool, found: Trained | None, action: Action) -> None:
    assert decide(told, is_ours, found) == action


@pytest.fixture
def account(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> EmulatedAws:
    """An account that is set up to train."""
    aws.client("s3").create_bucket(Bucket="artifacts")
    images = [aws.push_image("slipway-train", image_tag(device)) for device in DEVICES]
    monkeypatch.setenv("SLIPWAY_BUCKET", "artifacts")
    monkeypatch.setenv("SLIPWAY_TRAINING_ROLE", aws.role)
    monkeypatch.setenv("SLIPWAY_TRAINING_REPOSITORY", images[0].rpartition(":")[0])
    monkeypatch.setattr(module, "POLL_SECONDS", 0.1)
    return aws


@pytest.fixture
def fleet(account: EmulatedAws) -> Fleet:
    compute = runtime(["compute=sagemaker"]).compute
    assert compute.kind == "sagemaker"
    return Fleet(compute)


@pytest.fixture
def submit(account: EmulatedAws, job_of: Callable[..., Any], prepared: Path, tmp_path: Path) -> Callable[..., Any]:
    """Submits a small job for a pull request, as `slipway submit` does; gives the backend that waits for it."""

    def make(number: int | None, digits: str = "0", epochs: int = LONG) -> SageMaker:
        words = ["compute=sagemaker", *([f"compute.tags.pull-request={number}"] if number else [])]
        compute = runtime(words).compute
        assert compute.kind == "sagemaker"
        job = job_of(digits=digits, epochs=epochs)
        found = SageMaker(compute, JobFolder(job.hash, tmp_path / ".slipway"), lambda _: None)
        assert found.submit(job, Inputs(prepared, None, None))
        return found

    return make


@pytest.fixture
def number(hub: Hub, opened: Opened) -> int:
    """A pull request that asks for training."""
    hub.as_user().commit("main", {".github/workflows/train.yml": TRAIN})
    return opened("wider", "train")


def told(client: Client, number: int) -> State:
    found = sticky.find(client(), number)
    assert found
    assert found.state
    return found.state


def asked(hub: Hub) -> list[dict[str, str]]:
    """The inputs of the runs of train.yml that were asked for."""
    found = []
    while not hub.events.empty():
        event = hub.events.get()
        if event.name == "workflow_dispatch":
            found.append(event.payload["inputs"])
    return found


def say(hub: Hub, client: Client, fleet: Fleet, number: int, digits: str = "0") -> State:
    """What train.yml tells a pull request of the job that it has submitted."""
    found = fleet.last(digits * 16)
    assert found
    return announce(client(), number, hub.pulls[number].head_sha, found, 0.74, "eu-central-1")


def end(backend: SageMaker) -> None:
    list(backend.follow())


def test_a_job_that_is_done_is_reported_until_it_is(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    backend = submit(number, epochs=1)
    before = say(hub, client, fleet, number)
    [comment] = hub.comments_of(number)
    assert "on `1 x ml.g4dn.xlarge`, spot, 4.0 h at most: 2.94 USD at most (0.74 USD an hour on demand)" in comment.body
    assert (before.name, before.cost_usd) == (f"{JOB}-1", pytest.approx(2.944))
    end(backend)
    due = [Due(number, hub.pulls[number].head_sha, f"{JOB}-1", "main")]
    assert sweep(client(), fleet, print) == due
    assert sweep(client(), fleet, print) == due
    assert asked(hub) == []
    sticky.write(client(), number, "### Promote", before.model_copy(update={"status": "reported"}))
    assert sweep(client(), fleet, print) == []


def test_a_job_that_is_done_and_whose_report_failed_is_reported_anew_when_asked_again(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    end(submit(number, epochs=1))
    first = say(hub, client, fleet, number)
    sticky.write(client(), number, "### Failed", first.model_copy(update={"status": "failed"}))
    assert sweep(client(), fleet, print) == []
    assert say(hub, client, fleet, number).status == "training"
    assert sweep(client(), fleet, print) == [Due(number, hub.pulls[number].head_sha, f"{JOB}-1", "main")]
    sticky.write(client(), number, "### Promote", first.model_copy(update={"status": "reported"}))
    assert say(hub, client, fleet, number).status == "reported"


def test_a_job_that_runs_is_left_alone(hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int) -> None:
    submit(number)
    say(hub, client, fleet, number)
    assert sweep(client(), fleet, print) == []
    assert asked(hub) == []
    assert stop_unwanted(client(), fleet, print) == []
    assert list(fleet.running()) == [f"{JOB}-1"]


@pytest.mark.parametrize("how", ["closed", "unlabelled"])
def test_a_job_that_nobody_waits_for_is_stopped(
    how: str, hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    backend = submit(number)
    say(hub, client, fleet, number)
    if how == "closed":
        hub.as_user().close(number)
    else:
        hub.as_user().unlabel(number, "train")
    assert stop_unwanted(client(), fleet, print) == [f"{JOB}-1"]
    end(backend)
    assert backend.status() == "stopped"
    assert stop_unwanted(client(), fleet, print) == []
    assert sweep(client(), fleet, print) == []
    assert (told(client, number).status, told(client, number).superseded) == ("waiting", (HASH,))
    # and with the label again it is trained again
    hub.as_user().reopen(number)
    hub.as_user().label(number, "train")
    assert sweep(client(), fleet, print) == []
    assert asked(hub) == [{"pull_request": str(number)}]


def test_a_job_that_another_pull_request_waits_for_goes_on(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int, opened: Opened
) -> None:
    other = opened("same", "train")
    submit(number)
    for each in (number, other):
        say(hub, client, fleet, each)
    hub.as_user().close(number)
    assert stop_unwanted(client(), fleet, print) == []
    hub.as_user().close(other)
    assert stop_unwanted(client(), fleet, print) == [f"{JOB}-1"]


def test_nothing_is_stopped_while_a_pull_request_is_given_a_job(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int, opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    other = opened("same", "train")
    submit(number)
    say(hub, client, fleet, number)
    pushed = Event("pull_request", {}, f"refs/pull/{other}/merge", hub.pulls[other].head_sha, "octocat")
    run = hub.start_run("train.yml", "train", pushed)
    hub.as_user().close(number)
    # its *Submit* has found that the job runs already, and its *Tell the pull request* has not begun
    assert stop_unwanted(client(), fleet, print) == []
    assert f"train.yml is at it for #{other}: nothing is stopped" in capsys.readouterr().out
    say(hub, client, fleet, other)
    hub.end_run(run, "success")
    assert stop_unwanted(client(), fleet, print) == []
    assert told(client, other).name == f"{JOB}-1"


def test_a_run_that_waits_for_approval_keeps_no_job_alive(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int, opened: Opened
) -> None:
    """It may wait for weeks, and looks for a job when somebody has approved it."""
    other = opened("same", "train")
    submit(number)
    say(hub, client, fleet, number)
    pushed = Event("pull_request", {}, f"refs/pull/{other}/merge", hub.pulls[other].head_sha, "octocat")
    hub.runs[hub.start_run("train.yml", "train", pushed)].status = "waiting"
    hub.as_user().close(number)
    assert stop_unwanted(client(), fleet, print) == [f"{JOB}-1"]
    assert sweep(client(), fleet, print) == []
    assert asked(hub) == []


def test_a_job_that_is_superseded_is_stopped(hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int) -> None:
    submit(number)
    say(hub, client, fleet, number)
    hub.as_user().commit("wider", {"README.md": "more\n"})
    submit(number, digits="1")
    assert say(hub, client, fleet, number, "1").superseded == (HASH,)
    assert stop_unwanted(client(), fleet, print) == [f"{JOB}-1"]
    assert told(client, number).name == f"slipway-{'1' * 16}-1"


def test_what_a_person_started_and_what_no_comment_names_goes_on(
    client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    submit(None)
    submit(number, digits="1")
    submit(4711, digits="2")
    assert stop_unwanted(client(), fleet, print) == []
    assert len(fleet.running()) == 3


def test_a_job_that_a_dead_runner_did_not_announce_is_stopped_with_its_pull_request(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    backend = submit(number)
    assert stop_unwanted(client(), fleet, print) == []
    hub.as_user().close(number)
    assert stop_unwanted(client(), fleet, print) == [f"{JOB}-1"]
    end(backend)
    assert backend.status() == "stopped"


def test_a_job_that_a_dead_runner_did_not_announce_is_stopped_once_a_newer_commit_has_one(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    submit(number)
    hub.as_user().commit("wider", {"README.md": "more\n"})
    assert stop_unwanted(client(), fleet, print) == []
    submit(number, digits="1")
    assert say(hub, client, fleet, number, "1").superseded == ()
    assert stop_unwanted(client(), fleet, print) == [f"{JOB}-1"]


def test_a_job_that_was_superseded_and_is_submitted_again_goes_on(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    backend = submit(number)
    say(hub, client, fleet, number)
    hub.as_user().unlabel(number, "train")
    assert stop_unwanted(client(), fleet, print) == [f"{JOB}-1"]
    end(backend)
    hub.as_user().label(number, "train")
    submit(number)
    # a sweep, just before the comment names it
    assert stop_unwanted(client(), fleet, print) == []
    assert say(hub, client, fleet, number).name == f"{JOB}-2"
    assert stop_unwanted(client(), fleet, print) == []


def test_a_job_of_another_repository_is_neither_reported_nor_stopped(
    hub: Hub,
    client: Client,
    account: EmulatedAws,
    fleet: Fleet,
    submit: Any,
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a copy of this project that was not renamed, in the same account
    account.client("s3").create_bucket(Bucket="theirs")
    monkeypatch.setenv("SLIPWAY_BUCKET", "theirs")
    theirs = submit(number, epochs=1)
    waiting = State(sha=hub.pulls[number].head_sha, job=JOB, attempt=1, status="training")
    sticky.write(client(), number, "### Training", waiting)
    assert fleet.running() == {}
    said: list[str] = []
    assert sweep(client(), fleet, said.append) == []
    assert "is another project's job" in said[0]
    hub.as_user().close(number)
    assert stop_unwanted(client(), fleet, print) == []
    end(theirs)
    assert theirs.status() == "done"
    with pytest.raises(UserError, match="is another project's job"):
        pack(tmp_path / "handover", f"{JOB}-1", fleet)


def test_a_job_without_a_machine_is_asked_for_again(
    hub: Hub, client: Client, account: EmulatedAws, fleet: Fleet, submit: Any, number: int
) -> None:
    account.faults.fail_capacity("ml.g4dn.xlarge")
    end(submit(number))
    say(hub, client, fleet, number)
    assert sweep(client(), fleet, print) == []
    assert asked(hub) == [{"pull_request": str(number)}]
    assert (told(client, number).asked, told(client, number).name) == (1, f"{JOB}-1")
    # the submission that follows takes another type, and sets the count back
    submit(number)
    assert say(hub, client, fleet, number).asked == 0
    assert told(client, number).name == f"{JOB}-2"


def test_a_job_that_a_person_stopped_is_reported_and_handed_over(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int, tmp_path: Path
) -> None:
    backend = submit(number)
    say(hub, client, fleet, number)
    backend.stop()
    end(backend)
    [due] = sweep(client(), fleet, print)
    assert due.job == f"{JOB}-1"
    assert asked(hub) == []
    told = pack(tmp_path / "handover", due.job, fleet)
    assert (told.outcome, told.reason) == ("stopped", f"{JOB}-1 stopped: Stopped")
    found = handover.read(tmp_path / "handover")
    assert (found.report, found.files) == (told, {})
    assert told.training
    assert told.training.machines == "1 x ml.g4dn.xlarge"
    with pytest.raises(UserError, match="is there already"):
        pack(tmp_path / "handover", due.job, fleet)


def test_the_verb_gives_the_workflow_what_is_to_be_reported(
    hub: Hub,
    client: Client,
    fleet: Fleet,
    submit: Any,
    number: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    end(submit(number, epochs=1))
    say(hub, client, fleet, number)
    token = hub.token_for({"contents": "read", "pull_requests": "write", "actions": "write"})
    job = {"GITHUB_REPOSITORY": "acme/texts", "GITHUB_API_URL": hub.url, "GITHUB_TOKEN": token}
    for name, value in (job | {"SLIPWAY_COMPUTE": "sagemaker"}).items():
        monkeypatch.setenv(name, value)
    assert main(["sweep"]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("reports=")]
    sha = hub.pulls[number].head_sha
    assert json.loads(line.removeprefix("reports=")) == [
        {"number": number, "sha": sha, "job": f"{JOB}-1", "base": "main"}
    ]
    assert main(["stop-unwanted"]) == 0


def test_a_pull_request_without_a_job_is_asked_for_a_few_times_and_then_told(
    hub: Hub, client: Client, fleet: Fleet, number: int
) -> None:
    for _ in range(MOST_ASKED + 3):
        assert sweep(client(), fleet, print) == []
    assert asked(hub) == [{"pull_request": str(number)}] * MOST_ASKED
    [comment] = hub.comments_of(number)
    assert "### Not submitted" in comment.body
    hub.as_user().commit("wider", {"README.md": "mended\n"})
    sweep(client(), fleet, print)
    assert len(asked(hub)) == 1


def test_a_label_of_someone_without_write_rights_is_not_asked_for(
    hub: Hub, client: Client, fleet: Fleet, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    helper = hub.as_user("helper", "triage")
    helper.unlabel(number, "train")
    helper.label(number, "train")
    assert sweep(client(), fleet, print) == []
    assert asked(hub) == []
    assert hub.comments_of(number) == []
    assert "helper has no write rights" in capsys.readouterr().out


def test_the_bots_own_commit_asks_for_no_training(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    from slipway.delivery.github import commit

    end(submit(number, epochs=1))
    say(hub, client, fleet, number)
    sha, github = hub.pulls[number].head_sha, client()
    tree = commit.tree_with(github, commit.look(github, sha).tree, {"dvc.lock": "x\n"})
    made = commit.commit(github, "Report", tree, sha)
    commit.move(github, "wider", made, sha)
    # publish was killed before it edited the comment: the report is brought to its end on the bot's commit
    assert sweep(client(), fleet, print) == [Due(number, made, f"{JOB}-1", "main")]
    assert asked(hub) == []


def test_a_run_that_is_at_it_is_not_disturbed(hub: Hub, client: Client, fleet: Fleet, number: int) -> None:
    while not hub.events.empty():
        event = hub.events.get()
        if event.payload.get("action") == "labeled":
            run = hub.start_run("train.yml", "train", event)
    sweep(client(), fleet, print)
    assert asked(hub) == []
    hub.end_run(run, "failure")
    sweep(client(), fleet, print)
    assert len(asked(hub)) == 1


@pytest.mark.parametrize(
    ("branch", "title", "asks"),
    [
        ("wider", "train pull request {} again", 0),
        ("wider", "train pull request {}1 again", 1),
        ("experiment/wider", "train wider", 0),
        ("wider", "train wider", 1),
    ],
)
def test_a_run_that_was_dispatched_for_it_is_not_disturbed(
    branch: str, title: str, asks: int, hub: Hub, client: Client, fleet: Fleet, opened: Opened
) -> None:
    hub.as_user().commit("main", {".github/workflows/train.yml": TRAIN})
    number = opened(branch, "train")
    hub.as_user().dispatch("train.yml", {})
    while (event := hub.events.get()).name != "workflow_dispatch":
        pass
    run = hub.start_run("train.yml", "train", event, title.format(number))
    sweep(client(), fleet, print)
    assert len(asked(hub)) == asks
    hub.end_run(run, "failure")
    sweep(client(), fleet, print)
    assert len(asked(hub)) == 1


def test_a_pull_request_that_is_named_like_a_run_is_none(
    hub: Hub, client: Client, fleet: Fleet, number: int, opened: Opened
) -> None:
    hub.as_user().commit("other", {"README.md": "other\n"})
    hub.as_user().open_pull_request("other", title=f"train pull request {number} again")
    while not hub.events.empty():
        event = hub.events.get()
        if event.payload.get("number") not in (None, number):
            hub.start_run("train.yml", "train", event)
    sweep(client(), fleet, print)
    assert len(asked(hub)) == 1


def test_an_older_submission_that_comes_late_is_superseded(
    hub: Hub, client: Client, fleet: Fleet, submit: Any, number: int
) -> None:
    old = hub.pulls[number].head_sha
    submit(number)
    hub.as_user().commit("wider", {"README.md": "more\n"})
    submit(number, digits="1")
    newer = say(hub, client, fleet, number, "1")
    first = fleet.last(HASH)
    assert first
    found = announce(client(), number, old, first, None, None)
    assert (found.name, found.sha, found.superseded) == (newer.name, newer.sha, (HASH,))
    assert announce(client(), number, old, first, None, None) == found
    assert stop_unwanted(client(), fleet, print) == [f"{JOB}-1"]
