"""A small template that the real cruft made a project of, which the emulated GitHub holds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.rehearsal.github.hub import GitHub

CI = "on:\n  workflow_dispatch:\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"
LINES = "".join(f"line {number}\n" for number in range(30))
BEGINNING = {"a.txt": LINES, "b.txt": LINES, "gone.txt": "x\n", ".github/workflows/ci.yml": CI, "make.sh": "true\n"}
INNER = "{{cookiecutter.project_slug}}"


def git(folder: Path, *words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=folder, text=True).strip()


def commit(folder: Path, **files: str | None) -> str:
    """Change files and commit; None removes one. A name's `__` stands for the folder that its end names."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_text(content, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "change")
    return git(folder, "rev-parse", "HEAD")


def begin(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for key, value in (("user.name", "octocat"), ("user.email", "octocat@example.com")):
        git(folder, "config", key, value)


@dataclass
class Site:
    """A template, a project of it, and GitHub's copy of the project."""

    template: Path
    project: Path
    github: GitHub

    def news(self, **files: str | None) -> str:
        """The template moves; returns the commit."""
        return commit(self.template, **{f"{INNER}/{name}": content for name, content in files.items()})

    def edit(self, **files: str | None) -> str:
        """The project moves, and so does its main; returns the commit."""
        made = commit(self.project, **files)
        self.github.as_user().push(self.project, "main")
        return made

    def as_asked(self) -> None:
        """Somebody starts template-update.yml."""
        self.github.as_user().dispatch("template-update.yml")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("COOKIECUTTER_CONFIG", str(tmp_path / "none.yaml"))
    (tmp_path / "none.yaml").write_text("{}\n", encoding="utf-8")
    template, project = tmp_path / "template", tmp_path / "texts"
    begin(template)
    (template / "cookiecutter.json").write_text(json.dumps({"project_slug": "texts"}), encoding="utf-8")
    commit(template, **{f"{INNER}/{name}": content for name, content in BEGINNING.items()})
    cruft = str(Path(sys.executable).with_name("cruft"))
    subprocess.run([cruft, "create", "--no-input", str(template)], cwd=tmp_path, check=True, capture_output=True)
    begin(project)
    monkeypatch.chdir(project)
    with GitHub() as github:
        github.workflow_permissions["can_approve_pull_request_reviews"] = True
        there = Site(template, project, github)
        there.edit()
        yield there
        assert github.violations == []
