"""An emulated account that is set up to train, and this project's ways into it."""

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.compute.backend import Inputs
from slipway.compute.folder import JobFolder
from slipway.compute.image import DEVICES, image_tag
from slipway.compute.sagemaker import backend as module
from slipway.compute.sagemaker.backend import SageMaker
from slipway.config.compose import runtime
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.identity.permissions import needs

ROOT = Path(__file__).resolve().parents[3]
BUCKET = "artifacts"
ACTIONS = Path(__file__).with_name("actions.json")


@pytest.fixture
def account(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedAws]:
    """What terraform/platform makes, and the training images, are there; the environment names them.

    What was asked of AWS must be among actions.json, all of which tests/aws finds allowed to the role `train`.
    """
    aws.client("s3").create_bucket(Bucket=BUCKET)
    images = [aws.push_image("slipway-train", image_tag(device)) for device in DEVICES]
    monkeypatch.setenv("SLIPWAY_BUCKET", BUCKET)
    monkeypatch.setenv("SLIPWAY_TRAINING_ROLE", aws.role)
    monkeypatch.setenv("SLIPWAY_TRAINING_REPOSITORY", images[0].rpartition(":")[0])
    monkeypatch.setattr(module, "POLL_SECONDS", 0.1)
    yield aws
    asked = {need.action for call in aws.requests for need in needs(call)}
    assert sorted(asked - set(json.loads(ACTIONS.read_text(encoding="utf-8")))) == []


@cache
def compute(words: tuple[str, ...], _: frozenset[tuple[str, str]]) -> Any:
    """The section `compute` under these overrides, in an environment that says this of the project."""
    return runtime(["compute=sagemaker", *words]).compute


class Project:
    """A checkout whose job is `job`; another one at the same account is another `state`."""

    def __init__(self, job: Any, prepared: Path, state: Path) -> None:
        self.job, self.inputs, self.state = job, Inputs(prepared, None, None), state
        self.said: list[str] = []

    def backend(self, *words: str) -> SageMaker:
        """The backend as a new process would make it, under overrides of the configuration."""
        ours = frozenset(each for each in os.environ.items() if each[0].startswith("SLIPWAY_"))
        return SageMaker(compute(words, ours), JobFolder(self.job.hash, self.state), self.said.append)

    def submit(self, *words: str) -> bool:
        """Submit the job as a new process would."""
        return self.backend(*words).submit(self.job, self.inputs)

    def follow(self) -> list[str]:
        """Wait for the end of the last attempt; the lines of its log."""
        return list(self.backend().follow())

    def collect(self) -> Path:
        """The folder with the result."""
        self.backend().collect()
        return JobFolder(self.job.hash, self.state).layout.model


@pytest.fixture
def project(job_of: Callable[..., Any], prepared: Path, tmp_path: Path) -> Callable[..., Project]:
    """Makes a checkout with a small job."""

    def make(*words: Any, name: str = "project", **train: Any) -> Project:
        return Project(job_of(*words, **train), prepared, tmp_path / name / ".slipway")

    return make


@pytest.fixture
def checkout(account: EmulatedAws, trainable: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with prepared data, and the configuration to train on SageMaker."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("SLIPWAY_COMPUTE", "sagemaker")
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking=off")
    monkeypatch.chdir(trainable)
    return trainable


@pytest.fixture
def change(checkout: Path) -> Callable[..., None]:
    """Changes values of the checkout's section `train`."""

    def change(**train: Any) -> None:
        resolved = yaml.safe_load((checkout / "resolved.yaml").read_text(encoding="utf-8"))
        resolved["train"] |= train
        (checkout / "resolved.yaml").write_text(yaml.safe_dump(resolved), encoding="utf-8")

    return change
