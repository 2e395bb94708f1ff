"""What a release says before it begins: what is due where, and why nothing is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.__main__ import main
from slipway.compute.sagemaker.account import Account
from slipway.delivery.image.tag import tag_of
from slipway.delivery.release.function import Function
from slipway.errors import UserError
from slipway.evaluation.champion import git
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.call import AwsError, Call
from slipway.rehearsal.github import GitHub as Hub
from slipway.rehearsal.terraform import copy_files

from .conftest import DIGEST, OTHER, ROOT, Write

Verb = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture
def verb(aws: EmulatedAws, gate: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Runs a verb in a checkout, with an account that `platform` has given a registry; its status and outputs."""
    gate()
    copy_files(tmp_path / "terraform", aws.region)
    for name in ("docker", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("slipway-serve", "slipway-train"):
        aws.client("ecr").create_repository(repositoryName=name)
    file = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))

    def run(*words: str) -> tuple[int, dict[str, str]]:
        file.write_text("")
        status = main(list(words))
        lines = iter(file.read_text().splitlines())
        found = {}
        for line in lines:
            name, _, end = line.partition("<<")
            found[name] = "\n".join(iter(lambda end=end: next(lines), end))  # type: ignore[misc]
        return status, found

    return run


def test_before_the_first_release_both_environments_are_due(verb: Verb) -> None:
    status, found = verb("desired")
    assert (status, found["staging"], found["production"], found["refused"]) == (0, "true", "true", "")
    assert (found["bundle"], found["tag"]) == (DIGEST, tag_of(DIGEST))


def test_before_the_first_training_nothing_is_due(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").unlink()
    due = {"staging": "false", "production": "false"}
    assert verb("desired") == (0, dict.fromkeys(("bundle", "tag", "refused", "rejected"), "") | due)


@pytest.mark.parametrize("verdict", ["block", "keep"])
def test_what_the_gate_is_against_is_due_nowhere(verdict: str, verb: Verb, gate: Write) -> None:
    gate(verdict=verdict, champion=OTHER)
    status, found = verb("desired")
    assert (status, found["staging"], found["production"]) == (1, "false", "false")
    assert f"says {verdict}" in found["refused"]


def test_a_registry_that_nobody_made_is_named(verb: Verb, aws: EmulatedAws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.client("ecr").delete_repository(repositoryName="slipway-serve")
    assert verb("desired")[0] == 2
    said = capsys.readouterr().err
    assert "the registry slipway-serve does not exist: `make apply ROOT=platform`" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("release", "staging"),
            "slipway-serve:TAG is missing: `slipway image serve` comes first.",
        ),
        (("release", "moon"), "slipway release takes one of staging, production."),
        (("release",), "slipway release takes one of staging, production."),
        (("roll-back", "3"), "slipway-production does not exist: nothing was released yet."),
        (("roll-back", "three"), "slipway roll-back takes the number of a version"),
        (("image", "serve"), "models/bundle is missing: `dvc pull models/bundle` fetches it"),
        (("image", "train"), "slipway image train needs compute=sagemaker"),
        (("image",), "slipway image takes `train`"),
    ],
)
def test_what_cannot_begin_is_said(
    words: tuple[str, ...], said: str, verb: Verb, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verb(*words) == (2, {})
    assert said.replace("TAG", tag_of(DIGEST)) in capsys.readouterr().err


def test_a_run_that_is_run_again_does_not_bring_back_what_was_before(
    verb: Verb, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    monkeypatch.setenv("GITHUB_API_URL", hub.url)
    monkeypatch.setenv("GITHUB_TOKEN", hub.token_for({"contents": "read"}))
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "1")
    assert verb("release", "staging")[0] == 2
    assert "`slipway image serve` comes first" in capsys.readouterr().err
    monkeypatch.setenv("GITHUB_RUN_ATTEMPT", "2")
    assert verb("release", "staging")[0] == 2
    told = capsys.readouterr().err
    assert f"main has moved on from {git('rev-parse', 'HEAD')[:12]} to {hub.git.resolve('main')[:12]}" in told
    assert "`gh workflow run deploy.yml` brings what it asks for now" in told


def test_a_roll_back_that_is_run_again_does_not_take_back_what_came_since(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_SHA", "a" * 40)
    for attempt, said in (
        ("1", "slipway-production does not exist"),
        ("2", "main has moved on from aaaaaaaaaaaa to "),
    ):
        monkeypatch.setenv("GITHUB_RUN_ATTEMPT", attempt)
        assert verb("roll-back", "1")[0] == 2
        assert said in capsys.readouterr().err


def test_a_function_that_sleeps_is_asked_until_it_is_awake(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_PAUSE_SECONDS", "0.01")
    asked: list[str] = []

    def sleep(call: Call) -> None:
        asked.append(call.action)
        if len(asked) < 3:
            raise AwsError(
                "ResourceConflictException", "The function is currently in the following state: Pending", 409
            )

    aws.before = sleep
    with pytest.raises(UserError, match=r"not found|does not exist"):
        Function("slipway-production", Account("us-east-1")).ask({"texts": ["x"]}, "3")
    assert asked == ["Invoke"] * 3
