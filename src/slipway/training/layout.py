"""The folder that a training job reads and writes: /opt/ml, in the shape that SageMaker gives it.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import base64
import gzip
import json
import sys
import traceback
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from slipway.config.model import ModelConfig
from slipway.config.section import Section
from slipway.config.tracking import TrackingConfig
from slipway.config.train import TrainConfig
from slipway.errors import UserError
from slipway.files import sha256, write_json

FILES = ("history.csv", "model.json", "model.safetensors")
DONE = "train.json"  # written last
LIMIT = 1024  # characters: what SageMaker keeps of output/failure
MOST = 2500  # characters: what SageMaker takes as the value of a hyperparameter


class Job(Section):
    """What a training job is told. `tracking` is without an address: that comes by the environment."""

    hash: str
    model: ModelConfig
    train: TrainConfig
    tracking: TrackingConfig
    checkpoint_minutes: float
    # on each host; None is one a GPU, and one where there is none
    processes: int | None = None


def to_text(job: Job) -> str:
    """The job as JSON; where that is longer than a hyperparameter may be, as a list of stop words is, its gzip."""
    plain = job.model_dump_json()
    return plain if len(plain) <= MOST else base64.b64encode(gzip.compress(plain.encode(), mtime=0)).decode()


def from_text(text: str) -> Job:
    """The job that `to_text` wrote. Raises what pydantic, base64 and gzip do for any other text."""
    return Job.model_validate_json(text if text.startswith("{") else gzip.decompress(base64.b64decode(text)))


@dataclass(frozen=True)
class Hosts:
    """The machines that train together, in an order that is the same on each; `here` is the place of this one."""

    names: tuple[str, ...] = ("localhost",)
    here: int = 0
    # the network between them
    interface: str | None = None


@dataclass(frozen=True)
class Layout:
    """The places under `root`."""

    root: Path

    @property
    def hyperparameters(self) -> Path:
        """The job, as one text under one key: values of SageMaker's hyperparameters are text."""
        return self.root / "input" / "config" / "hyperparameters.json"

    @property
    def resources(self) -> Path:
        """The hosts of the job, and which one this is."""
        return self.root / "input" / "config" / "resourceconfig.json"

    @property
    def checkpoints(self) -> Path:
        """What outlives an attempt."""
        return self.root / "checkpoints"

    @property
    def model(self) -> Path:
        """The result."""
        return self.root / "model"

    @property
    def failure(self) -> Path:
        """Why there is no result."""
        return self.root / "output" / "failure"

    def channel(self, name: str) -> Path:
        """The input `name`."""
        return self.root / "input" / "data" / name

    def write_job(self, job: Job) -> None:
        """Put down what the job is told."""
        write_json(self.hyperparameters, {"job": to_text(job)})

    def read_job(self) -> Job:
        """What the job is told. Raises UserError where it is missing or of another release."""
        try:
            return from_text(json.loads(self.hyperparameters.read_text(encoding="utf-8"))["job"])
        except FileNotFoundError as error:
            raise UserError(f"{self.hyperparameters} is missing: {self.root} is not the folder of a job.") from error
        except (ValidationError, ValueError, KeyError, TypeError, OSError, EOFError, zlib.error) as error:
            raise UserError(f"{self.hyperparameters}: not the job of this release of the code ({error}).") from error

    def read_hosts(self) -> Hosts:
        """The hosts of the job; this one alone where nothing is said. Raises UserError where it is damaged."""
        try:
            said = json.loads(self.resources.read_text(encoding="utf-8"))
            names = tuple(sorted(said["hosts"]))
            return Hosts(names, names.index(said["current_host"]), said.get("network_interface_name"))
        except FileNotFoundError:
            return Hosts()
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{self.resources}: not the hosts of a job ({error!r}).") from error

    def hashes(self) -> dict[str, str]:
        """The SHA-256 of each file of the result, but the one that is written last and says them."""
        return {name: sha256(self.model / name) for name in FILES}

    def done(self) -> bool:
        """Whether the result is there, and as the job left it."""
        try:
            said = json.loads((self.model / DONE).read_text(encoding="utf-8"))["files"]
            return bool(said == self.hashes())
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def write_failure(self, reason: str) -> None:
        """Say why the job failed: the end of a long reason, where a traceback names its error.

        What is said already stays: where one of several processes fails, the others fail because it did.
        """
        self.failure.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), self.failure.open("x", encoding="utf-8") as file:
            file.write(reason[-LIMIT:])


def reported(layout: Layout, work: Callable[[], int]) -> int:
    """The exit status that `work` returns; what it raises goes to the log and to output/failure.

    2 is what a person can mend, 1 all else.
    """
    try:
        return work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        layout.write_failure(str(error))
        return 2
    except Exception:
        traceback.print_exc()
        layout.write_failure(traceback.format_exc())
        return 1
