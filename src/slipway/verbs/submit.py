"""`slipway submit`: starts the job that resolved.yaml describes, and does not wait for it."""

from rich.console import Console

from slipway.compute.project import order
from slipway.verbs.train import start


def run() -> None:
    """Start the job unless it runs or is done, and say which it is: the stage `train` collects it."""
    console = Console()
    wanted = order(lambda line: console.print(line, markup=False, highlight=False))
    started = start(wanted)
    if wanted.folder.done():
        console.print(f"job {wanted.job.hash} is done: `dvc repro` takes its result.", highlight=False)
        return
    word = "started" if started else {"running": "runs already", "done": "is done"}[wanted.backend.status()]
    console.print(f"{wanted.backend.name} {word}: `dvc repro` waits for it and takes its result.", highlight=False)
