"""What GitHub needs, in words and as commands, for who sets it without `make bootstrap`."""

import json
import shlex
from collections.abc import Iterator

from slipway.delivery.github.pulls import LABEL
from slipway.delivery.repository.gh import Request
from slipway.delivery.repository.needs import (
    APPROVED,
    LABELLED,
    NAMED_BRANCHES,
    PROPOSE,
    WORKFLOWS,
    Needs,
)
from slipway.delivery.repository.ruleset import NAME as RULESET
from slipway.delivery.repository.ruleset import in_words, ruleset


def by_hand(needs: Needs) -> str:
    """All that the repository needs, in words, and as commands that leave alone what is there."""
    names = [f"variable {name}: {value}" for name, value in sorted(needs.variables.items())]
    names.append("variable MLFLOW_TRACKING_URI: once there is a tracking server, its address")
    for name, branch in needs.environments.items():
        approval = "; they wait for a person's approval" if name in APPROVED else ""
        names.append(f"environment {name}: jobs of {f'{branch} alone' if branch else 'any branch'}{approval}")
    names += ["that workflows may open pull requests", f"label {LABEL}"]
    names.append(f"ruleset {RULESET}: {in_words(needs.branch)}")
    return "\n".join(
        [
            f"{needs.repository} on GitHub needs:",
            *(f"  {name}" for name in names),
            "",
            "`make bootstrap` sets it where gh (https://cli.github.com) is logged in as someone who administrates the",
            "repository, and keeps what is there. These commands, by the same person, set it in a new repository:",
            "",
            *commands(needs),
        ]
    )


def commands(needs: Needs) -> Iterator[str]:
    """Lines for a shell. An environment that is there already is left alone, since it may have rules of a person's."""
    path = needs.path("actions", "variables")
    for name, value in sorted(needs.variables.items()):
        change = Request("PATCH", f"{path}/{name}", {"value": value})
        new = Request("POST", path, {"name": name, "value": value})
        yield f"{change.command()} 2>/dev/null || {new.command()}"
    for name, branch in needs.environments.items():
        there = f"{name} is there: see under Settings, Environments that it is as it should be"
        look = f"{shlex.join(['gh', 'api', '--silent', needs.path('environments', name)])} 2>/dev/null"
        steps = " && ".join(_environment_commands(needs.path("environments", name), name, branch))
        yield f"{look} && echo {shlex.quote(there)} || {{ {steps}; }}"
    yield Request("PUT", needs.path(*WORKFLOWS), PROPOSE).command()
    yield Request("POST", needs.path("labels"), LABELLED).command()
    yield Request("POST", needs.path("rulesets"), ruleset(needs.branch, {})).command()


def _environment_commands(path: str, name: str, branch: str | None) -> Iterator[str]:
    body = {"deployment_branch_policy": NAMED_BRANCHES} if branch else {}
    yield Request("PUT", path, body).command()
    if branch:
        yield Request("POST", f"{path}/deployment-branch-policies", {"name": branch, "type": "branch"}).command()
    if name in APPROVED:
        reviewers = '{reviewers: [{type: "User", id: .id}]}'
        whole = shlex.join(["gh", "api", "user", "--jq", f"{json.dumps(body)} + {reviewers}"])
        yield f"{whole} | {shlex.join(['gh', 'api', '--silent', '--method', 'PUT', path, '--input', '-'])}"
