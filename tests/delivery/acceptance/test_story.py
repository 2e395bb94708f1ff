"""A person plays the story with one command: what it asserts, what it leaves, and what it refuses to begin."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from slipway.delivery.acceptance.cost import LIMIT_USD, cheapest, most_usd
from slipway.delivery.acceptance.record import FOLDER, Assertion, Record, masked, passed
from slipway.delivery.acceptance.story import prepare
from slipway.errors import UserError
from slipway.rehearsal.story import tale
from slipway.rehearsal.story.project import ORDER
from slipway.rehearsal.story.timeline import Timeline
from slipway.rehearsal.story.world import World

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A project after bootstrap and platform, whose events reach GitHub."""
    with (
        World(tmp_path_factory.mktemp("world"), Timeline()) as there,
        pytest.MonkeyPatch.context() as patch,
    ):
        # the gate must let through what any seed trains
        patch.setitem(ORDER["set"], "train.epochs", 10)
        tale.begin(there)
        there.clone.begin("main")
        yield there


@contextmanager
def pumped(world: World) -> Iterator[None]:
    """GitHub runs workflows, as long as the block lasts."""
    over = Event()
    errors: list[BaseException] = []

    def pump() -> None:
        while not over.wait(0.1):
            try:
                world.runner.pump()
            except BaseException as error:
                errors.append(error)
                return

    runner = Thread(target=pump, daemon=True)
    runner.start()
    try:
        yield
    finally:
        over.set()
        runner.join()
    assert errors == []


def person(world: World) -> dict[str, str]:
    """The environment of a person with all rights, and a login at GitHub."""
    tools = [Path(sys.executable).parent, *world.runner.path]
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    packages = os.pathsep.join(str(world.clone.folder / name) for name in ("src", "lambda"))
    own = world.aws.environment | world.runner.environment | world.github.environment
    return own | {"PATH": path, "PYTHONPATH": packages, "CONFIRM": "staging"}


def accept(world: World, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What the verb prints and returns."""
    command = [sys.executable, "-m", "slipway", "acceptance", *words]
    return subprocess.run(
        command,
        cwd=world.clone.folder,
        env=person(world) | more,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.rehearsal
def test_the_story_holds_and_nothing_is_left(world: World) -> None:
    with pumped(world):
        done = accept(world, "ENV=staging")
    print(done.stdout)
    assert done.returncode == 0
    [path] = (world.clone.folder / "acceptance").glob("*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["passed"]
    assert record["left"] == []
    assert len(record["assertions"]) == 9
    assert all(each["held"] and each["evidence"] for each in record["assertions"])
    assert 0 < record["most_usd"] <= record["limit_usd"] == 5
    for each in (path, path.with_suffix(".md")):
        assert ACCOUNT not in each.read_text(encoding="utf-8")
    assert ACCOUNT not in done.stdout
    assert {pull.state for pull in world.github.pulls.values()} == {"closed"}
    assert branches(world) == ["main"]
    assert world.answering("staging") is None
    alarms = world.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="slipway-staging")
    assert alarms["MetricAlarms"] == []


@pytest.mark.slow
@pytest.mark.rehearsal
def test_who_interrupts_it_finds_nothing_left(world: World) -> None:
    with pumped(world):
        process = subprocess.Popen(
            [sys.executable, "-m", "slipway", "acceptance", "ENV=staging"],
            cwd=world.clone.folder,
            env=person(world),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        said = iter(process.stdout.readline, "")
        assert any("a job of a branch gets no role of staging" in line for line in said)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait() == 130
    assert "NOT cleaned up" not in rest
    assert {pull.state for pull in world.github.pulls.values()} == {"closed"}
    assert branches(world) == ["main"]
    assert world.answering("staging") is None
    running = world.aws.client("sagemaker").list_training_jobs(StatusEquals="InProgress")
    assert running["TrainingJobSummaries"] == []


def branches(world: World) -> list[str]:
    """What GitHub has."""
    return [name.removeprefix("refs/heads/") for name in world.github.git.refs() if name.startswith("refs/heads/")]


def test_production_is_left_alone() -> None:
    with pytest.raises(UserError, match="in staging alone"):
        prepare("production")


def test_what_may_cost_more_than_five_dollars_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLIPWAY_COMPUTE")
    assert most_usd(cheapest()) <= LIMIT_USD
    file = Path("conf/compute/sagemaker.yaml")
    file.write_text(file.read_text(encoding="utf-8").replace("max_hours: 4", "max_hours: 40"), encoding="utf-8")
    with pytest.raises(UserError, match=r"more than \$5.00.*Nothing was started"):
        most_usd(cheapest())


def test_the_cheapest_machine_of_the_form_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("SLIPWAY_COMPUTE")
    assert cheapest() == "ml.c5.xlarge"


def test_no_number_of_an_account_is_recorded() -> None:
    bucket = f"slipway-data-{ACCOUNT}"
    told = f"arn:aws:iam::{ACCOUNT}:role/x, {bucket}, {ACCOUNT}.dkr.ecr, 12345678901234, a{ACCOUNT}b"
    assert masked(told).count("ACCOUNT") == 3


def test_the_readme_does_not_deny_a_run_in_a_real_account() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert not ("not yet run in a real account" in readme and passed(ROOT / FOLDER))


# template-only: begin
def test_the_template_says_whether_it_ran_in_a_real_account() -> None:
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert ("rehearsed; not yet run in a real account" in readme) is not passed(ROOT / FOLDER)


# template-only: end
def test_a_record_that_did_not_pass_is_none_of_a_real_account(tmp_path: Path) -> None:
    record = Record("2026-11-21T10:00:00Z", "acme/texts", "0" * 40, "us-east-1", "staging", "ml.c5.xlarge", 5, 1)
    record.assertions.append(Assertion("it holds", True, 1.0, ("seen",)))
    record.write(tmp_path)
    assert not passed(tmp_path)
    record.whole = True
    record.write(tmp_path)
    assert passed(tmp_path)
