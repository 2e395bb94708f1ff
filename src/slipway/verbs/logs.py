"""`slipway logs NAME`: what a job says, until it has ended."""

from slipway.compute.project import named
from slipway.compute.watch import Bar


def run(words: list[str]) -> int:
    """Print the log of a job; a job that runs is followed."""
    backend, attempt = named(words)
    try:
        with Bar() as bar:
            bar.show(backend.follow(attempt))
    except KeyboardInterrupt:
        return 130
    return 0
