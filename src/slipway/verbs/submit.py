"""`slipway submit`: starts the job that resolved.yaml describes, and does not wait for it."""

from slipway.compute.project import order
from slipway.errors import UserError
from slipway.verbs.train import start


def run() -> None:
    """Start the job unless it runs or is done, and say which it is: the stage `train` collects it."""
    wanted = order(print)
    started = start(wanted)
    if wanted.folder.done():
        print(f"job {wanted.job.hash} is done: `dvc repro` takes its result.")
        return
    status = wanted.backend.status()
    if not started and status not in ("running", "done"):
        raise UserError(f"{wanted.backend.name} was started by another process, and is {status}: submit it again.")
    word = "started" if started else "runs already" if status == "running" else "is done"
    print(f"{wanted.backend.name} {word}: `dvc repro` waits for it and takes its result.")
