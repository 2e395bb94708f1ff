"""Variables and environments, and what jobs may do by themselves.

What a PUT leaves out is taken away here; whether GitHub does so is not documented.
"""

import re
from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import (
    API,
    INVALID,
    NOT_FOUND,
    Answer,
    Call,
    Json,
    RefusedError,
    known,
)
from slipway.rehearsal.github.forms import THEN, node

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

CUSTOM = {"protected_branches": False, "custom_branch_policies": True}
NO_BRANCH_RULE = (422, "Fail to create protected rule, please ensure billing plan include protected branch gate.")
NO_REVIEWERS = (
    422,
    "Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers "
    "protection rule.",
)


def list_variables(github: "GitHub", call: Call) -> Answer:
    """At most 30 a page."""
    return call.page([_variable(github, name) for name in sorted(github.variables)], "variables", most=30)


def _variable(github: "GitHub", name: str) -> Json:
    return {"name": name, "value": github.variables[name], "created_at": THEN, "updated_at": THEN}


def create_variable(github: "GitHub", call: Call) -> Answer:
    """A name is kept in capitals, and taken once."""
    name = call.body["name"].upper()
    if not re.fullmatch("(?!GITHUB_)[A-Z_][A-Z0-9_]*", name):
        raise RefusedError(*INVALID, "Variable names can only contain alphanumeric characters")
    if name in github.variables:
        raise RefusedError(409, "Already exists - Variable already exists")
    github.variables[name] = call.body["value"]
    return Answer(201, {})


def update_variable(github: "GitHub", call: Call) -> Answer:
    """Set a value anew."""
    name = call.words["name"].upper()
    known(github.variables, name)
    github.variables[name] = call.body["value"]
    return Answer(204)


def list_environments(github: "GitHub", call: Call) -> Answer:
    """All of them."""
    return call.page([_environment(github, name) for name in github.environments], "environments")


def get_environment(github: "GitHub", call: Call) -> Answer:
    """One."""
    known(github.environments, call.words["environment_name"])
    return Answer(200, _environment(github, call.words["environment_name"]))


def _environment(github: "GitHub", name: str) -> Json:
    told, url = github.environments[name], f"{API}/repos/{github.owner}/{github.name}/environments/{name}"
    rule = {"id": told["id"] + 1, "node_id": node("GA", told["id"])}
    rules: list[Json] = []
    if told["wait_timer"]:
        rules.append(rule | {"type": "wait_timer", "wait_timer": told["wait_timer"]})
    if told["reviewers"]:
        person = forms.user(github, github.login or github.owner)
        reviewers = [{"type": each["type"], "reviewer": person | {"id": each["id"]}} for each in told["reviewers"]]
        rest = {"type": "required_reviewers", "reviewers": reviewers}
        rules.append(rule | rest | {"prevent_self_review": told["prevent_self_review"]})
    if told["deployment_branch_policy"]:
        rules.append(rule | {"type": "branch_policy"})
    found = {"id": told["id"], "node_id": node("EN", told["id"]), "name": name, "url": url, "html_url": url}
    found |= {"created_at": THEN, "updated_at": THEN, "can_admins_bypass": True, "protection_rules": rules}
    return found | {"deployment_branch_policy": told["deployment_branch_policy"]}


def put_environment(github: "GitHub", call: Call) -> Answer:
    """Make one, or set it anew."""
    body, name = call.body, call.words["environment_name"]
    policy = body.get("deployment_branch_policy")
    if policy and policy not in (CUSTOM, {key: not value for key, value in CUSTOM.items()}):
        raise RefusedError(*INVALID, "protected_branches and custom_branch_policies are the same")
    for each in body.get("reviewers") or []:
        for key in ("type", "id"):
            if key not in each:
                raise RefusedError(422, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
    new: Json = {"id": github.next_id(), "wait_timer": 0, "prevent_self_review": False, "reviewers": None}
    new |= {"policies": [], "deployment_branch_policy": None}
    old = github.environments.setdefault(name, new)
    # the environment is there, whatever its plan lacks
    if github.plan == "free" and any(value is not None for value in body.values()):
        raise RefusedError(*NO_BRANCH_RULE)
    if github.plan == "team" and body.keys() & {"wait_timer", "prevent_self_review", "reviewers"}:
        raise RefusedError(*NO_REVIEWERS)
    github.environments[name] = new | {"id": old["id"], "policies": old["policies"]} | body
    return Answer(200, _environment(github, name))


def _policies(github: "GitHub", call: Call) -> list[Json]:
    environment = known(github.environments, call.words["environment_name"])
    if environment["deployment_branch_policy"] != CUSTOM:
        raise RefusedError(*NOT_FOUND)
    policies: list[Json] = environment["policies"]
    return policies


def list_policies(github: "GitHub", call: Call) -> Answer:
    """The branches that an environment takes jobs of."""
    return call.page(_policies(github, call), "branch_policies")


def create_policy(github: "GitHub", call: Call) -> Answer:
    """One that is there is no error."""
    body = {"type": "branch"} | call.body
    policies = _policies(github, call)
    if any(each["name"] == body["name"] and each["type"] == body["type"] for each in policies):
        return Answer(303)
    policies.append({"id": github.next_id(), "node_id": node("BP", 1), **body})
    return Answer(200, policies[-1])


def delete_policy(github: "GitHub", call: Call) -> Answer:
    """Take a branch away."""
    policies, number = _policies(github, call), call.number("branch_policy_id")
    if number not in [each["id"] for each in policies]:
        raise RefusedError(*NOT_FOUND)
    policies[:] = [each for each in policies if each["id"] != number]
    return Answer(204)


def get_workflow_permissions(github: "GitHub", call: Call) -> Answer:
    """What a job's token may do where its workflow says nothing, and whether jobs may open pull requests."""
    return Answer(200, dict(github.workflow_permissions))


def put_workflow_permissions(github: "GitHub", call: Call) -> Answer:
    """Set it."""
    github.workflow_permissions |= call.body
    return Answer(204)
