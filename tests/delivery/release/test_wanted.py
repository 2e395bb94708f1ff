"""What a commit asks for is what its dvc.lock and its gate.json say together."""

import json
import shutil
import subprocess
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest
import yaml

from slipway.delivery.image.tag import tag_of
from slipway.delivery.release.wanted import needed, wanted
from slipway.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
DIGEST, BUNDLE, OTHER = "a" * 64, f"{'b' * 32}.dir", f"{'c' * 32}.dir"
Write = Callable[..., None]


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a gate.json, and the dvc.lock of it and of the bundle, into a checkout that is the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "lambda", tmp_path / "lambda", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "reports").mkdir()
    person = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "--quiet"], [*person, "commit", "--quiet", "--allow-empty", "--message", "Begin"]):
        subprocess.run(["git", *words], check=True)

    def write(**told: object) -> None:
        text = json.dumps({"bundle": DIGEST, "verdict": "promote", "champion": None} | told)
        (tmp_path / "reports" / "gate.json").write_text(text, encoding="utf-8")
        said = {"path": "reports/gate.json", "md5": md5(text.encode(), usedforsecurity=False).hexdigest()}
        stages = {"package": {"outs": [{"path": "models/bundle", "md5": BUNDLE}]}, "gate": {"outs": [said]}}
        (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")

    return write


def test_a_bundle_is_asked_for_by_its_digest_and_the_tag_of_its_image(gate: Write) -> None:
    gate()
    found = needed()
    assert (found.bundle, found.tag, found.verdict) == (DIGEST, tag_of(DIGEST), "promote")


@pytest.mark.usefixtures("gate")
def test_nothing_is_asked_for_before_the_first_training() -> None:
    assert wanted() is None
    with pytest.raises(UserError, match="no model was trained yet"):
        needed()


def test_a_gate_that_keeps_another_champion_says_so(gate: Write) -> None:
    gate(verdict="keep", champion=OTHER)
    assert needed().verdict == "keep"


def test_a_gate_that_keeps_this_very_bundle_promotes_it(gate: Write) -> None:
    gate(verdict="keep", champion=BUNDLE)
    assert needed().verdict == "promote"


def test_what_is_blocked_is_not_needed(gate: Write) -> None:
    gate(verdict="block", champion=BUNDLE)
    with pytest.raises(UserError, match=r"reports/gate\.json says block"):
        needed()


def test_a_gate_that_the_lock_does_not_name_is_refused(gate: Write) -> None:
    gate()
    path = Path("reports/gate.json")
    path.write_text(path.read_text().replace("promote", "promote "), encoding="utf-8")
    with pytest.raises(UserError, match=r"is not the one that dvc\.lock names"):
        wanted()


@pytest.mark.parametrize("told", [{"bundle": None}, {"bundle": "../x"}, {"verdict": 1}])
def test_a_gate_that_names_no_bundle_is_refused(told: dict[str, object], gate: Write) -> None:
    gate(**told)
    with pytest.raises(UserError, match="names no bundle"):
        wanted()
