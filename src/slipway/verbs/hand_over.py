"""`slipway hand-over FOLDER`: packs what job *publish* of report.yml takes."""

from pathlib import Path

from slipway.compute.sagemaker.fleet import Fleet
from slipway.config.compose import runtime
from slipway.config.compute import SageMakerCompute
from slipway.delivery.github.job import variable
from slipway.delivery.report.hand_over import pack
from slipway.errors import UserError


def run(words: list[str]) -> None:
    """Write the folder, about the job JOB; also where that, or the pipeline after it, failed."""
    if len(words) != 1:
        raise UserError("name one folder, which is not there yet.")
    told = pack(Path(words[0]), variable("JOB"), fleet())
    print(f"{words[0]}: {told.outcome}{f': {told.reason}' if told.reason else ''}")


def fleet() -> Fleet:
    """The jobs of the account that this run's choices name. Raises UserError where they name none."""
    compute = runtime().compute
    if not isinstance(compute, SageMakerCompute):
        raise UserError(
            "this is about jobs on SageMaker: SLIPWAY_COMPUTE=sagemaker, or compute=sagemaker.",
        )
    return Fleet(compute)
