"""`slipway estimate`: what the job that resolved.yaml describes may cost, before it is submitted."""

from slipway.compute.project import order
from slipway.delivery.github.job import summary


def run() -> None:
    """Say it, on the page of a workflow's job too: a line for each instance type that is tried."""
    from slipway.compute.sagemaker.backend import SageMaker

    wanted = order(print)
    known = {"running": "runs already", "done": "is done"}.get(wanted.backend.status())
    if known:
        told = f"Job {wanted.job.hash} {known}: nothing more is paid for it."
    elif isinstance(wanted.backend, SageMaker):
        lines = "\n".join(wanted.backend.estimates())
        told = f"Job {wanted.job.hash} may cost, on the first of these that can be had:\n\n{lines}"
    else:
        told = f"Job {wanted.job.hash} costs nothing: this machine trains it."
    summary(told)
