"""`slipway stop-unwanted`: stops jobs that no pull request waits for any more."""

from slipway.delivery.github.api import GitHub
from slipway.delivery.training.waiting import stop_unwanted
from slipway.verbs.hand_over import fleet


def run() -> None:
    """Stop them, and say which."""
    if not stop_unwanted(GitHub.from_environment(), fleet(), print):
        print("every job that runs is waited for, or none of ours")
