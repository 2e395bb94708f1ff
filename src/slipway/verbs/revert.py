"""`slipway revert`: opens a pull request that takes the merge back whose model was taken back."""

from slipway.delivery.github.api import GitHub
from slipway.delivery.github.job import output, summary, variable
from slipway.delivery.release.revert import revert

PREFIX = "refs/heads/"


def run() -> None:
    """Outputs `number` and `url`; REJECTED is what must not come again, as `slipway release` outputs it."""
    github = GitHub.from_environment()
    base = variable("GITHUB_REF").removeprefix(PREFIX)
    run = f"{github.url}/actions/runs/{variable('GITHUB_RUN_ID')}"
    pull = revert(github, variable("REJECTED"), base, f"Production did not keep it: {run}")
    if pull is None:
        summary(f"There is nothing to take back: {base} asks for another model.")
        return
    output("number", str(pull["number"]))
    output("url", pull["html_url"])
    closed = (
        f" Somebody closed it: reopen it, or let {base} ask for another model." if pull["state"] == "closed" else ""
    )
    number = pull["number"]
    summary(f"**{base} and production differ** until #{number} is merged: it takes back what was rejected.{closed}")
