"""`slipway propose-update FOLDER`: what is new in the template, as a pull request."""

from pathlib import Path

from slipway.delivery.github.api import GitHub
from slipway.delivery.github.job import summary, variable
from slipway.delivery.update.patch import read
from slipway.delivery.update.propose import propose
from slipway.errors import UserError

PREFIX = "refs/heads/"


def run(words: list[str]) -> None:
    """Open it once, of what `slipway take-update` wrote."""
    if len(words) != 1:
        raise UserError("slipway propose-update takes one folder, which take-update wrote.")
    base = variable("GITHUB_REF").removeprefix(PREFIX)
    pull = propose(GitHub.from_environment(), *read(Path(words[0])), base, variable("GITHUB_RUN_ID"))
    closed = ", and was closed" if pull["state"] == "closed" else ""
    summary(f"#{pull['number']} brings what is new in the template{closed}.")
