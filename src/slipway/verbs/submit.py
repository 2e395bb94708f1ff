"""`slipway submit`: starts the job that resolved.yaml describes, and does not wait for it."""

from slipway.compute.project import order
from slipway.verbs.train import start


def run() -> None:
    """Start the job unless it runs or is done, and say which it is: the stage `train` collects it."""
    wanted = order(print)
    started = start(wanted)
    if wanted.folder.done():
        print(f"job {wanted.job.hash} is done: `dvc repro` takes its result.")
        return
    word = "started" if started else {"running": "runs already", "done": "is done"}[wanted.backend.status()]
    print(f"{wanted.backend.name} {word}: `dvc repro` waits for it and takes its result.")
