"""`slipway stop NAME`: asks a job to leave a checkpoint and end."""

from slipway.compute.project import named


def run(words: list[str]) -> None:
    """Stop a job that runs; the next run goes on from its checkpoint."""
    backend, _ = named(words)
    if backend.name != words[0] or not backend.running():
        last = "" if backend.name == words[0] else f", and the last attempt is {backend.name}"
        print(f"{words[0]} does not run ({backend.choice}): the job is {backend.status()}{last}.")
        return
    backend.stop()
    logs = f"`slipway logs {words[0]} {backend.choice}`"
    print(f"{words[0]} was asked to stop: {logs} shows its end.")
