"""`slipway experiment`: the form of train.yml becomes a branch and a draft pull request."""

import os

from slipway.delivery.github.api import GitHub
from slipway.delivery.github.job import output, summary
from slipway.delivery.training.experiment import begin, read_form
from slipway.errors import UserError
from slipway.evaluation.champion import git


def run() -> None:
    """Commit what the form asks for, and give `number` and `sha` of its pull request; a second run finds both."""
    asked, parent = read_form(os.environ), git("rev-parse", "HEAD")
    if parent is None:
        raise UserError("this is no checkout of git: the form is composed, and committed, on one.")
    github = GitHub.from_environment()
    base = str(github.get("")["default_branch"])
    number, sha = begin(github, asked, parent, base)
    output("number", str(number))
    output("sha", sha)
    summary(f"Experiment [#{number}]({github.url}/pull/{number}) on branch `{asked.branch}`.")
