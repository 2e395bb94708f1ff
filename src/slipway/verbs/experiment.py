"""`slipway experiment`: the form of train.yml becomes a branch and a draft pull request."""

import os

from slipway.delivery.github.api import GitHub
from slipway.delivery.github.job import output, summary, variable
from slipway.delivery.training.experiment import begin, read_form


def run() -> None:
    """Commit what the form asks for, and give `number` and `sha` of its pull request; a second run finds both."""
    asked = read_form(os.environ)
    github = GitHub.from_environment()
    base = str(github.get("")["default_branch"])
    number, sha = begin(github, asked, variable("GITHUB_SHA"), base)
    output("number", str(number))
    output("sha", sha)
    summary(f"Experiment [#{number}]({github.url}/pull/{number}) on branch `{asked.branch}`.")
