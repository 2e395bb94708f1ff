"""The files of .github, to look at and to break."""

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
# where a checkout's `ref` is a pull request's
PULL_REQUEST_SHA = ("matrix.sha", "needs.permit.outputs.sha")
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
Job = dict[str, Any]


@functools.cache
def read(text: str) -> Job:
    """A file of YAML; all its values are strings, and `on` is no truth."""
    return dict(yaml.load(text, Loader=yaml.BaseLoader))  # noqa: S506 - it makes nothing but strings


@dataclass(frozen=True)
class Workflows:
    """The text of each workflow, as `ci.yml`, and of the action that sets up, as `action.yml`."""

    texts: dict[str, str]

    def __getitem__(self, name: str) -> Job:
        return read(self.texts[name])

    def names(self) -> list[str]:
        """The workflows."""
        return sorted(set(self.texts) - {"action.yml"})

    def jobs(self) -> Iterator[tuple[str, str, Job]]:
        """Each job: its workflow's file, its id, itself."""
        for name in self.names():
            for job, body in self[name]["jobs"].items():
                yield name, job, body

    def steps(self) -> Iterator[tuple[str, Job]]:
        """Where each step stands, and itself; of the action too."""
        for name, job, body in self.jobs():
            for step in body["steps"]:
                yield f"{name} {job}: {step['name']}", step
        for step in self["action.yml"]["runs"]["steps"]:
            yield f"action.yml: {step['name']}", step

    def needed(self, name: str, job: str) -> list[str]:
        """The jobs that a job needs."""
        told = self[name]["jobs"][job].get("needs", [])
        return [told] if isinstance(told, str) else told

    def events(self, name: str, job: str) -> set[str]:
        """The events that a job may run for: those its condition names, else those of the jobs that it needs."""
        condition = self[name]["jobs"][job].get("if", "")
        if named := set(re.findall(r"github\.event_name == '(\w+)'", condition)):
            return named
        needed = self.needed(name, job)
        return set().union(*(self.events(name, each) for each in needed)) if needed else set(self[name]["on"])

    def spares_forks(self, name: str, job: str) -> bool:
        """Whether a job's condition, or that of a job which it needs, leaves out pull requests of forks."""
        condition = self[name]["jobs"][job].get("if", "")
        return SAME_REPOSITORY in condition or any(self.spares_forks(name, each) for each in self.needed(name, job))

    def runs_pull_request(self, name: str, job: str) -> bool:
        """Whether a job checks out, and so may run, what a pull request brings."""
        for step in self.using(self[name]["jobs"][job], "actions/checkout"):
            ref = step["with"].get("ref")
            if any(each in (ref or "") for each in PULL_REQUEST_SHA):
                return True
            if ref is None and self.events(name, job) & {"pull_request", "merge_group"}:
                return True
        return False

    @staticmethod
    def using(job: Job, action: str) -> list[Job]:
        """The steps of a job that use an action."""
        return [step for step in job["steps"] if step.get("uses", "").split("@")[0] == action]

    @classmethod
    def role(cls, job: Job) -> str | None:
        """The role that a job takes, as terraform/bootstrap calls it."""
        told = [step["with"]["role-to-assume"] for step in cls.using(job, "aws-actions/configure-aws-credentials")]
        assert len(told) <= 1
        return re.sub(r"\W*vars\.AWS_ROLE_(\w+).*", r"\1", told[0]).lower().replace("_", "-") if told else None

    @staticmethod
    def environment(job: Job) -> str | None:
        """The environment that a job runs in."""
        told = job.get("environment")
        return told["name"] if isinstance(told, dict) else told

    @staticmethod
    def writes(job: Job) -> set[str]:
        """What a job may write on GitHub."""
        return {name for name, right in job.get("permissions", {}).items() if right == "write"} - {"id-token"}


@pytest.fixture(scope="session")
def workflows() -> Workflows:
    """Those of this project."""
    found = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").iterdir()}
    return Workflows(found | {"action.yml": (ROOT / ".github/actions/setup/action.yml").read_text(encoding="utf-8")})


@pytest.fixture
def broken(workflows: Workflows) -> Callable[[str, str, str], Workflows]:
    """Makes a copy in which one text of one file, which must be there, is another."""

    def change(name: str, old: str, new: str) -> Workflows:
        text = workflows.texts[name]
        assert old in text, f"{name} has no {old!r} to break"
        return Workflows(workflows.texts | {name: text.replace(old, new, 1)})

    return change
