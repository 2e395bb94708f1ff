"""`slipway stop NAME`: asks a job to leave a checkpoint and end."""

from slipway.compute.project import named


def run(words: list[str]) -> None:
    """Stop a job that runs; the next run goes on from its checkpoint."""
    backend = named(words)
    if not backend.running():
        print(f"{words[0]} does not run: it is {backend.status()}.")
        return
    backend.stop()
    print(f"{words[0]} was asked to stop: `slipway logs {words[0]}` shows its end, `dvc repro` goes on from there.")
