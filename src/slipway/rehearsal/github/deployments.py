"""Deployments to environments: those of jobs, and what is asked for them."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import Answer, Call, Json, RefusedError, known
from slipway.rehearsal.github.contents import resolved
from slipway.rehearsal.github.event import now
from slipway.rehearsal.github.forms import BOT
from slipway.rehearsal.github.rulesets import rules_for
from slipway.rehearsal.github.settings import CUSTOM

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub


@dataclass
class Deployment:
    """What is kept of one; `states` are its statuses, the oldest first: number, state, description, time and login."""

    id: int
    environment: str
    ref: str
    sha: str
    task: str
    payload: Json
    description: str | None
    user: str
    created_at: str
    log: str = ""  # address of the run
    states: list[Json] = field(default_factory=list)


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


def start(github: "GitHub", environment: str, ref: str, sha: str, log: str) -> int | None:
    """A job with `environment:` asks to begin; the environment is made where there is none. None where it is barred."""
    if barred(github, environment, ref):
        return None
    short = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    made = Deployment(github.next_id(), environment, short, sha, "deploy", {}, None, BOT, now(), log)
    _keep(github, made)
    mark(github, made, "queued", BOT)
    return made.id


def _keep(github: "GitHub", made: Deployment) -> None:
    empty: Json = {"id": github.next_id(), "wait_timer": 0, "prevent_self_review": False, "reviewers": None}
    github.environments.setdefault(made.environment, empty | {"policies": [], "deployment_branch_policy": None})
    github.deployments[made.id] = made


def mark(github: "GitHub", told: Deployment, state: str, login: str, description: str = "", address: str = "") -> Json:
    """A further status. A success makes the earlier ones of the same environment inactive."""
    if state == "success":
        others = [each for each in github.deployments.values() if each.environment == told.environment]
        for other in others:
            if other.id != told.id and other.states and other.states[-1]["state"] == "success":
                mark(github, other, "inactive", login)
    url = f"{github.api}/deployments/{told.id}"
    number = github.next_id()
    status = {"id": number, "node_id": forms.node("DeploymentStatus", number), "state": state}
    status |= {"creator": forms.user(github, login), "description": description, "environment": told.environment}
    status |= {"url": f"{url}/statuses/{number}", "deployment_url": url, "repository_url": github.api}
    # its description wants an address where GitHub itself tells none
    links = {"target_url": told.log or github.site} | ({"log_url": told.log} if told.log else {})
    status |= links | ({"environment_url": address} if address else {})
    told.states.append(status | {"created_at": now(), "updated_at": now()})
    return told.states[-1]


def _form(github: "GitHub", told: Deployment) -> Json:
    url = f"{github.api}/deployments/{told.id}"
    found = {"id": told.id, "node_id": forms.node("Deployment", told.id), "sha": told.sha, "ref": told.ref}
    found |= {"task": told.task, "environment": told.environment, "original_environment": told.environment}
    found |= {"payload": told.payload, "description": told.description, "creator": forms.user(github, told.user)}
    found |= {"url": url, "statuses_url": f"{url}/statuses", "repository_url": github.api}
    return found | {"created_at": told.created_at, "updated_at": told.created_at}


def list_deployments(github: "GitHub", call: Call) -> Answer:
    """The newest first."""
    keys = ("sha", "ref", "task", "environment")
    found = [
        _form(github, told)
        for told in sorted(github.deployments.values(), key=lambda told: -told.id)
        if all(call.query.get(key, getattr(told, key)) == getattr(told, key) for key in keys)
    ]
    return call.page(found)


def create_deployment(github: "GitHub", call: Call) -> Answer:
    """Say that a commit shall go somewhere; 409 where its checks are not green."""
    body = call.body
    sha = resolved(github, body["ref"], 422, f"No ref found for: {body['ref']}")
    contexts = body.get("required_contexts")
    runs = {check.name for check in github.checks if check.sha == sha}
    required = [{"context": name} for name in (sorted(runs) if contexts is None else contexts)]
    if github.missing(required, sha):
        raise RefusedError(409, "Conflict: Commit status checks failed for " + body["ref"])
    told = body.get("payload", {})
    payload = told if isinstance(told, dict) else {"payload": told}
    environment = body.get("environment", "production")
    rest = (payload, body.get("description"), call.caller.login, now())
    made = Deployment(github.next_id(), environment, body["ref"], sha, body.get("task", "deploy"), *rest)
    _keep(github, made)
    return Answer(201, _form(github, made))


def get_deployment(github: "GitHub", call: Call) -> Answer:
    """One."""
    return Answer(200, _form(github, known(github.deployments, call.number("deployment_id"))))


def list_statuses(github: "GitHub", call: Call) -> Answer:
    """The newest first."""
    told: Deployment = known(github.deployments, call.number("deployment_id"))
    return call.page(reversed(told.states))


def create_status(github: "GitHub", call: Call) -> Answer:
    """Say how a deployment goes."""
    told: Deployment = known(github.deployments, call.number("deployment_id"))
    return Answer(201, mark(github, told, call.body["state"], call.caller.login, call.body.get("description", "")))
