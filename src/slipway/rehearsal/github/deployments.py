"""Deployments of jobs to environments, and what is asked for them."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from slipway.rehearsal.github.call import Json
from slipway.rehearsal.github.rulesets import rules_for
from slipway.rehearsal.github.settings import CUSTOM

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub


@dataclass
class Deployment:
    """What is kept of one; `states` are its statuses, the oldest first, `address` is where it can be seen."""

    id: int
    environment: str
    ref: str
    sha: str
    states: list[str]
    address: str = ""


def barred(github: "GitHub", environment: str, ref: str) -> str | None:
    """Why a job of that ref may not use an environment: its branches, or nobody's approval. None where it may."""
    told = github.environments.get(environment)
    if told is None:
        return None
    short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    if policy := told["deployment_branch_policy"]:
        names = [each["name"] for each in told["policies"] if each["type"] == kind]
        # refs/pull/N/merge is matched as it is
        fits = any(fnmatchcase(short, name) for name in names)
        if not (fits if policy == CUSTOM else bool(rules_for(github, ref))):
            return (
                f'{kind.capitalize()} "{short}" is not allowed to deploy to {environment} '
                "due to environment protection rules."
            )
    if told["reviewers"] and not github.approve:
        return f"The deployment to {environment} was rejected by a reviewer."
    return None


def start(github: "GitHub", environment: str, ref: str, sha: str) -> int | None:
    """A job with `environment:` asks to begin; the environment is made where there is none. None where it is barred."""
    if barred(github, environment, ref):
        return None
    empty: Json = {"id": github.next_id(), "wait_timer": 0, "prevent_self_review": False, "reviewers": None}
    github.environments.setdefault(environment, empty | {"policies": [], "deployment_branch_policy": None})
    short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    made = Deployment(github.next_id(), environment, short, sha, ["queued"])
    github.deployments[made.id] = made
    return made.id


def mark(github: "GitHub", told: Deployment, state: str, address: str) -> None:
    """A further status. A success makes the earlier ones of the same environment inactive."""
    if state == "success":
        for other in github.deployments.values():
            if (other.environment, other.states[-1]) == (told.environment, "success"):
                other.states.append("inactive")
    told.states.append(state)
    told.address = address
