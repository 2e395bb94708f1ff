"""`slipway permit`: refuses a training that nobody with write rights asked for."""

from slipway.delivery.github.api import GitHub
from slipway.delivery.github.job import event, output
from slipway.delivery.training.permit import number_of, overrides, permitted


def run() -> None:
    """Give `number`, `sha`, `branch`, `base` and `overrides` of the pull request that may train, else say why not."""
    github, happened = GitHub.from_environment(), event()
    found = permitted(github, number_of(happened), happened)
    for name, value in {"sha": found.sha, "branch": found.branch, "base": found.base}.items():
        output(name, value)
    output("number", str(found.number))
    output("overrides", overrides(github, found.number))
    print(f"#{found.number} may train, as it is at {found.sha[:12]}.")
