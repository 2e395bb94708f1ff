"""A real copy of this project, with a small real data set, whose pipeline has run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ORDER = """\
data: csv
model: bag
set:
  data:
    name: news
    source:
      files: {train: data/local/news.tsv}
      names: [text, label]
      delimiter: "\\t"
      quoting: none
      labels: {b: business, e: entertainment, t: technology, m: health}
    clean: {conflicts: drop, leaks: drop}
  model.tokenizer.vocab_size: 2000
  train.epochs: 2
  gate.resamples: 200
"""


@dataclass(frozen=True)
class Project:
    """A project folder, and how to run commands in it."""

    folder: Path

    def run(self, *command: str, status: int = 0, **environment: str) -> str:
        """Standard output and error of a command, which must end with `status`."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment | environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    @property
    def environment(self) -> dict[str, str]:
        """This environment, with the copy's source and this interpreter first.

        The verbs are measured by the tests of each: measured here too, they would take a quarter more of their time.
        """
        ours = ("DVC_", "SLIPWAY_", "MLFLOW_", "COVERAGE_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        return kept | {"PATH": path, "PYTHONPATH": str(self.folder / "src"), "DVC_NO_ANALYTICS": "1"}

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def order(self, text: str) -> None:
        (self.folder / "params.yaml").write_text(text, encoding="utf-8")

    def ran(self, output: str) -> list[str]:
        """The stages that a `dvc repro` ran, by its own words."""
        return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


@pytest.fixture(scope="session")
def new_project(uci_news: Path) -> Callable[[Path], Project]:
    """Makes a copy of this project at a folder: committed, with 2,000 real headlines and an order form for them."""

    def make(folder: Path) -> Project:
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file() and name not in ("dvc.lock", "resolved.yaml"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        rows = (uci_news / "train.txt").read_text(encoding="utf-8").splitlines(keepends=True)[:2000]
        (folder / "data" / "local" / "news.tsv").write_text("".join(rows), encoding="utf-8")
        project = Project(folder)
        project.order(ORDER)
        # this repository's own may lie in a remote
        (folder / "champion.json").write_text('{"bundle": null}\n', encoding="utf-8")
        project.run("git", "init", "--quiet")
        # queued experiments are commits, and a new machine knows of no one
        project.run("git", "config", "user.name", "t")
        project.run("git", "config", "user.email", "t@example.org")
        project.run("git", "add", "--all")
        project.run("git", "commit", "--quiet", "-m", "A copy")
        return project

    return make


@pytest.fixture(scope="session")
def first(new_project: Callable[[Path], Project], once: Callable[..., Path]) -> Project:
    """A project whose pipeline has run once."""
    return Project(once("first", lambda folder: new_project(folder).run("dvc", "repro")))


@pytest.fixture(scope="module")
def project(first: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of it, for a module to change; MLflow's records name the folder that they lie in, so they stay there."""
    folder = tmp_path_factory.mktemp("project") / "copy"
    return Project(shutil.copytree(first.folder, folder, ignore=shutil.ignore_patterns("mlflow.db", "mlruns")))
