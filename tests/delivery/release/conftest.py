"""A checkout whose dvc.lock names a bundle."""

import json
import shutil
import subprocess
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest
import yaml

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
