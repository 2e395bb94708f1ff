"""A clone without any data knows whether its model may be merged, and hands over what it found."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.compute.sagemaker.trained import Trained
from slipway.config.gate import GateConfig
from slipway.config.resolved import read
from slipway.delivery.report import handover
from slipway.delivery.report.hand_over import reported, took
from slipway.delivery.report.handover import COMMITTED, REPORT, to_json
from slipway.evaluation.predictions import read_predictions

pytestmark = pytest.mark.slow
RUN = "import sys; from slipway.verbs.model_gate import run; sys.exit(run())"
GATE = [sys.executable, "-c", RUN]


@pytest.fixture(scope="module")
def main(project: Any) -> Any:
    """The trained project as the main branch, with all that the bot commits."""
    project.run("git", "add", "--all")
    project.run("git", "commit", "--quiet", "-m", "Report")
    project.run("git", "branch", "--force", "main")
    return project


@pytest.fixture
def clone(main: Any, tmp_path: Path) -> Any:
    """A clone of it, with no data."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(main.folder), str(folder)], check=True)
    return type(main)(folder)


@pytest.fixture
def fresh(clone: Any) -> Any:
    """A clone in whose base branch nothing was trained yet."""
    clone.run("git", "branch", "work")
    clone.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "rm", "--quiet", "--cached", "dvc.lock")
    clone.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "Before")
    clone.run("git", "update-ref", "refs/remotes/origin/main", "HEAD")
    return clone


def edit(clone: Any, path: str, change: Callable[[str], str]) -> None:
    (clone.folder / path).write_text(change(clone.read(path)), encoding="utf-8")


def test_what_the_pipeline_left_may_be_merged(clone: Any) -> None:
    assert "is what this tree makes" in clone.run(*GATE)


def test_the_first_model_may_be_merged(fresh: Any) -> None:
    assert "is what this tree makes" in fresh.run(*GATE)


def test_a_tree_that_was_never_trained_is_green_with_a_notice(fresh: Any) -> None:
    (fresh.folder / "dvc.lock").unlink()
    assert "::notice::no dvc.lock" in fresh.run(*GATE)


def test_a_lock_that_goes_missing_is_red(clone: Any) -> None:
    (clone.folder / "dvc.lock").unlink()
    assert "dvc.lock is missing, and the base branch has one" in clone.run(*GATE, status=1)


def test_documentation_changes_nothing(clone: Any) -> None:
    edit(clone, "README.md", lambda text: f"{text}\nmore\n")
    clone.run(*GATE)


@pytest.mark.parametrize(
    ("path", "old", "new", "stage"),
    [
        ("params.yaml", "train.epochs: 2", "train.epochs: 3", "compose"),
        ("resolved.yaml", "epochs: 2", "epochs: 3", "train"),
        ("src/slipway/training/loop.py", '"""', '"""More. ', "train"),
        ("data/local/news.tsv", "\te\n", "\tb\n", "fetch"),
        ("reports/metrics.json", '"rows": ', '"rows": 1', "gate"),
        ("reports/gate.json", '"verdict": "', '"verdict": "promote", "old": "', "gate"),
        ("champion.json", "null", f'"{"0" * 32}.dir"', "evaluate"),
    ],
)
def test_what_is_not_trained_is_red_and_names_the_stage(path: str, old: str, new: str, stage: str, clone: Any) -> None:
    edit(clone, path, lambda text: text.replace(old, new, 1))
    said = clone.run(*GATE, status=1)
    assert "dvc.lock does not describe this tree" in said
    assert stage in said
    assert "Label the pull request `train`" in said


def test_a_lock_of_two_halves_is_red(clone: Any) -> None:
    lock = clone.read("dvc.lock")
    package, evaluate = lock.index("  package:"), lock.index("  evaluate:")
    found = handover.recorded(handover.plain_yaml("dvc.lock", lock), "package", "outs", "models/bundle")
    half = lock[package:evaluate].replace(str(found), f"{'0' * 32}.dir")
    (clone.folder / "dvc.lock").write_text(lock[:package] + half + lock[evaluate:], encoding="utf-8")
    assert "evaluate would run." in clone.run(*GATE, status=1)


def rewrite(clone: Any, path: str, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change a JSON file, and dvc.lock with it, as a pull request that means ill might."""
    old = clone.read(path)
    value = json.loads(old)
    change(value)
    new = json.dumps(value)
    (clone.folder / path).write_text(new, encoding="utf-8")
    lock = clone.read("dvc.lock").replace(handover.md5(old), handover.md5(new))
    lock = lock.replace(f"size: {len(old.encode())}\n", f"size: {len(new.encode())}\n")
    (clone.folder / "dvc.lock").write_text(lock, encoding="utf-8")


def test_a_verdict_of_block_is_red_with_its_reasons(clone: Any) -> None:
    rewrite(clone, "reports/gate.json", lambda gate: gate.update(verdict="block", reasons=["Worse than the baseline."]))
    assert "reports/gate.json says block: Worse than the baseline." in clone.run(*GATE, status=1)


OTHER = f"{'0' * 32}.dir"


def bundle_in(clone: Any) -> str:
    """The DVC hash of the bundle that a clone's dvc.lock names."""
    lock = handover.plain_yaml("dvc.lock", clone.read("dvc.lock"))
    return str(handover.recorded(lock, "package", "outs", "models/bundle"))


def another_model(clone: Any) -> None:
    """As though another bundle had been trained."""
    edit(clone, "dvc.lock", lambda lock: lock.replace(bundle_in(clone), OTHER))


def commit(clone: Any, message: str) -> None:
    clone.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-am", message)


def keeps(gate: dict[str, Any]) -> None:
    gate.update(verdict="keep", reasons=["Not distinguishable from the champion."])


def test_a_champion_of_another_day_is_red_for_a_new_model(clone: Any) -> None:
    found = bundle_in(clone)
    another_model(clone)
    said = clone.run(*GATE, status=1)
    assert f"held against the champion none, and origin/main names {found} by now" in said


def test_a_model_that_is_no_better_than_the_champion_is_red_and_says_how_to_take_it(clone: Any) -> None:
    rewrite(clone, "reports/gate.json", keeps)
    another_model(clone)
    said = clone.run(*GATE, status=1)
    assert "reports/gate.json says keep: Not distinguishable from the champion. The champion stays" in said
    assert "write `gate.on_tie.champion: promote` under `set` in params.yaml" in said


def test_the_champion_itself_stays(clone: Any) -> None:
    rewrite(clone, "reports/gate.json", keeps)
    assert "is what this tree makes" in clone.run(*GATE)


def test_a_model_that_the_base_branch_named_before_may_come_back(clone: Any) -> None:
    before = bundle_in(clone)
    another_model(clone)
    commit(clone, "Another model")
    clone.run("git", "update-ref", "refs/remotes/origin/main", "HEAD")
    clone.run("git", "revert", "--no-commit", "HEAD")
    assert bundle_in(clone) == before
    assert "is what this tree makes" in clone.run(*GATE)
    rewrite(clone, "reports/gate.json", lambda gate: gate.update(verdict="block", reasons=["Too large."]))
    assert "says block: Too large." in clone.run(*GATE, status=1)
    # trained anew, and not better than the model that it is to take the place of
    rewrite(clone, "reports/gate.json", lambda gate: gate.update(verdict="keep", reasons=["Worse."], champion=OTHER))
    said = clone.run(*GATE, status=1)
    assert "reports/gate.json says keep: Worse. The champion stays" in said
    assert "held against" not in said
    rewrite(clone, "reports/gate.json", lambda gate: gate.update(champion=before))
    assert "is what this tree makes" in clone.run(*GATE)


def test_a_model_that_only_a_branch_named_before_is_held_against_the_champion(clone: Any) -> None:
    champion = bundle_in(clone)
    clone.run("git", "switch", "--quiet", "--create", "side")
    another_model(clone)
    commit(clone, "Tried on a branch")
    edit(clone, "dvc.lock", lambda lock: lock.replace(OTHER, champion))
    commit(clone, "Given up")
    clone.run("git", "switch", "--quiet", "-")
    merge = ("merge", "--quiet", "--no-ff", "--message", "Merge", "side")
    clone.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *merge)
    clone.run("git", "update-ref", "refs/remotes/origin/main", "HEAD")
    another_model(clone)
    assert "held against the champion none" in clone.run(*GATE, status=1)


def test_what_is_handed_over_is_what_publish_takes(main: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(main.folder)
    attempt = "slipway-0123456789abcdef-1"
    job = Trained(attempt, "0" * 16, 1, "done", "", "1 x ml.g5.xlarge", True, 60, 1.0, 9, 5, 0.1)
    told = reported(read_predictions(Path("reports/predictions.parquet")), read("gate", GateConfig), took(job, 0.1))
    folder = tmp_path / "handover"
    (folder / "reports").mkdir(parents=True)
    for name in COMMITTED:
        shutil.copy(name, folder / name)
    (folder / REPORT).write_text(to_json(told), encoding="utf-8")
    found = handover.read(folder)
    assert found.report == told
    assert [each.epoch for each in told.history] == [1, 2]
    assert told.opponent == "baseline"
    assert told.pairs
    changes = [abs(each.rows - each.rows_opponent) for each in told.pairs]
    assert changes == sorted(changes, reverse=True)
    assert changes[-1] > 0
