"""The project that a rehearsal tells of: this very tree, as a person would own it, and what emulation needs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from slipway.errors import UserError
from slipway.rehearsal.aws.account import ROOT
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.terraform import OVERRIDES, put, said

# little text, trained in seconds; a change that is no worse may replace the champion
ORDER: dict[str, Any] = {
    "data": "aws_docs",
    "model": "bag",
    "set": {
        "data.source.services": ["s3", "lambda", "ecs", "kms"],
        "data.checks.labels": ["s3", "lambda", "ecs", "kms"],
        "model.tokenizer.vocab_size": 2000,
        "gate.resamples": 200,
        "gate.on_tie.champion": "promote",
        "train.epochs": 2,
    },
}
# left behind: what this tree has trained itself
OWN = ("dvc.lock", "resolved.yaml")


class Clone:
    """A person's clone of the repository at `remote`, in `folder`."""

    def __init__(self, folder: Path, remote: str) -> None:
        self.folder, self.remote = folder, remote

    def found(self) -> None:
        """Make the project's first commits, and push them: its files as they are here, then what emulation needs."""
        copy_tree(self.folder)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", self.remote)
        self.commit("A copy of the template")
        for name, content in OVERRIDES.items():
            (self.folder / "terraform" / name).write_text(content, encoding="utf-8")
        tfvars = self.folder / "terraform" / "platform" / "terraform.tfvars"
        put(tfvars, github_events='"acme/texts"', alert_emails="[]")
        self.order()
        self.commit("What emulation needs, and a small order", *(f"terraform/{name}" for name in OVERRIDES))
        self.git("push", "--quiet", "--set-upstream", "origin", "main")

    def order(self, **values: Any) -> None:
        """Write params.yaml: the small order, with values such as `train.epochs` changed."""
        changed = {name.replace("__", "."): value for name, value in values.items()}
        order = ORDER | {"set": ORDER["set"] | changed}
        (self.folder / "params.yaml").write_text(yaml.safe_dump(order, sort_keys=False), encoding="utf-8")

    def begin(self, branch: str, start: str = "origin/main") -> None:
        """A new branch from what GitHub has."""
        self.git("fetch", "--quiet", "--prune", "origin")
        self.git("checkout", "--quiet", "--force", "-B", branch, start)

    def commit(self, message: str, *forced: str) -> str:
        """Commit all that changed, and files that git ignores; returns the commit."""
        self.git("add", "--all")
        if forced:
            self.git("add", "--force", *forced)
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        """What git prints. Raises UserError with its words where it fails."""
        person = {"GIT_AUTHOR_NAME": "Mona", "GIT_AUTHOR_EMAIL": "mona@example.com"}
        person |= {"GIT_COMMITTER_NAME": "Mona", "GIT_COMMITTER_EMAIL": "mona@example.com"}
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=os.environ | person, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UserError(f"git {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def run(self, *words: str, environment: Mapping[str, str]) -> str:
        """What a person's command prints, in this environment alone. Raises UserError with that where it fails."""
        packages = os.pathsep.join(str(self.folder / name) for name in ("src", "lambda"))
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return said(words, self.folder, {**environment, "PYTHONPATH": packages, "PATH": path})


def copy_tree(folder: Path) -> None:
    """Copy what git knows, or would, of this tree, as it is on the disk."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and name not in OWN:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def replace(file: Path, old: str, new: str) -> None:
    """Change one place of a file. Raises BrokenError where it has no such place."""
    text = file.read_text(encoding="utf-8")
    if old not in text:
        raise BrokenError(f"{file} has no line {old!r}")
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
