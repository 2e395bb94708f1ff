"""The job that this checkout describes, and the backend that the configuration chooses for it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slipway.compute.backend import Backend, Inputs
from slipway.compute.folder import JobFolder, parse_name
from slipway.compute.job import job_hash, local_encoder
from slipway.compute.local import Local
from slipway.config.compose import runtime
from slipway.config.compute import Compute, ContainerCompute, SageMakerCompute
from slipway.config.model import ModelConfig
from slipway.config.resolved import read
from slipway.config.root import Runtime
from slipway.config.train import TrainConfig
from slipway.data.local import warn_where_unseen
from slipway.data.prepared import load_meta
from slipway.errors import UserError
from slipway.tracking import absolute_uri
from slipway.training.layout import Job

PREPARED = Path("data/prepared")


@dataclass(frozen=True)
class Order:
    """A job, what it reads, where it is kept and who trains it, under this run's choices."""

    choices: Runtime
    job: Job
    inputs: Inputs
    folder: JobFolder
    backend: Backend


def state() -> Path:
    """The folder .slipway of the project: an experiment in a temporary copy belongs to the real one."""
    return Path(os.environ.get("DVC_ROOT", "."), ".slipway").resolve()


def order(say: Callable[[str], None]) -> Order:
    """What resolved.yaml and the choices of this run ask for. Raises UserError where something is missing."""
    model: ModelConfig = read("model", ModelConfig)
    train = read("train", TrainConfig)
    load_meta(PREPARED)  # what is missing is said here, not in a log
    if encoder := local_encoder(model):
        warn_where_unseen(encoder, "move it there, and change model.name")
    choices = runtime()
    compute: Compute = choices.compute
    job = Job(
        hash=job_hash(model, train, PREPARED),
        model=model,
        train=train,
        tracking=choices.tracking.model_copy(update={"uri": None}),
        checkpoint_minutes=compute.checkpoint_minutes,
        processes=compute.processes,
    )
    uri = choices.tracking.uri
    folder = JobFolder(job.hash, state())
    inputs = Inputs(PREPARED, encoder, uri and absolute_uri(uri))
    return Order(choices, job, inputs, folder, backend(compute, folder, say))


def backend(compute: Compute, folder: JobFolder, say: Callable[[str], None]) -> Backend:
    """Who trains the job of `folder`, as `compute` says."""
    if isinstance(compute, SageMakerCompute):
        from slipway.compute.sagemaker.backend import SageMaker

        return SageMaker(compute, folder, say)
    if isinstance(compute, ContainerCompute):
        from slipway.compute.container import worker

        return Local(folder, worker(compute.device), "compute=container")
    return Local(folder)


def named(words: list[str]) -> tuple[Backend, int]:
    """The backend of the job whose name is the one word given, where `compute` says, and the number of the attempt.

    Raises UserError where it has no such attempt.
    """
    if len(words) != 1:
        raise UserError("name one job: `slipway jobs` lists them.")
    hash, attempt = parse_name(words[0])
    found = backend(runtime().compute, JobFolder(hash, state()), print)
    if attempt > parse_name(found.name)[1]:
        raise UserError(
            f"there is no {words[0]} with {found.choice}: `slipway jobs` lists what ran here, and with "
            "compute=sagemaker also what ran there."
        )
    return found, attempt
