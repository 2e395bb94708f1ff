"""`slipway sweep`: finds the pull requests whose jobs have ended, and those that need one."""

import json
from dataclasses import asdict

from slipway.delivery.github.api import GitHub
from slipway.delivery.github.job import output
from slipway.delivery.training.waiting import sweep
from slipway.verbs.hand_over import fleet

MOST = 100  # reports of one run; the next sweep finds the rest


def run() -> None:
    """Give `reports`: a JSON list of number, sha, job and base of each pull request that is to be reported."""
    due = sweep(GitHub.from_environment(), fleet(), print)
    output("reports", json.dumps([asdict(each) for each in due[:MOST]]))
