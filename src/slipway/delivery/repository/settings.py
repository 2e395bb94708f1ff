"""Variables, environments with their branch rules, a label, rules for main: what GitHub lacks of it is set by `gh`.

Where that cannot be, all of it is printed for a person to set. What a person has set is kept, but for what lets another
branch's jobs into an environment.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from slipway.delivery.github.pulls import LABEL
from slipway.delivery.repository.by_hand import by_hand
from slipway.delivery.repository.gh import Body, LoginError, Request, ask, get, listed
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
from slipway.errors import UserError

AGAIN = "then `make bootstrap` again: it changes only what is missing"
FILE = "terraform/bootstrap/terraform.tfvars"


@dataclass(frozen=True)
class Found:
    """What it has, in the form of GitHub's answers; `policies` are the branches of environments, `user` is who asks."""

    user: Body
    private: bool
    variables: dict[str, str]
    environments: dict[str, Body]
    policies: dict[str, list[Body]]
    workflows: Body
    label: Body | None
    ruleset: Body | None


@dataclass(frozen=True)
class Setting:
    """Something to be set, what sets it, and what it means where GitHub's plan has no such thing."""

    name: str
    requests: tuple[Request, ...]
    without: str = ""


def lacking(needs: Needs, found: Found) -> list[Setting]:
    """What is to be set, in its order; nothing where the repository has all of it."""
    environments = [
        setting
        for name, branch in needs.environments.items()
        for setting in (*_open_to(needs, name, branch, found), *_approved(needs, name, branch, found))
    ]
    return [
        *_variables(needs, found),
        *environments,
        *_workflows(needs, found),
        *_label(needs, found),
        *_rules(needs, found),
    ]


def _variables(needs: Needs, found: Found) -> Iterator[Setting]:
    path = needs.path("actions", "variables")
    for name, value in sorted(needs.variables.items()):
        if name not in found.variables:
            request = Request("POST", path, {"name": name, "value": value})
        elif found.variables[name] != value:
            request = Request("PATCH", f"{path}/{name}", {"value": value})
        else:
            continue
        yield Setting(f"variable {name}: {value}", (request,))


def _open_to(needs: Needs, name: str, branch: str | None, found: Found) -> Iterator[Setting]:
    """That an environment is there, and takes jobs of its branch alone."""
    path, current = needs.path("environments", name), found.environments.get(name)
    if branch is None:
        if current is None:
            yield Setting(f"environment {name}: jobs of any branch", (Request("PUT", path, {}),))
        return
    requests, body = [], as_it_is(current or {})
    if body.get("deployment_branch_policy") != NAMED_BRANCHES:
        requests.append(Request("PUT", path, body | {"deployment_branch_policy": NAMED_BRANCHES}))
    policies = found.policies.get(name, [])
    meant = [each for each in policies if (each["name"], each.get("type", "branch")) == (branch, "branch")]
    if not meant:
        requests.append(Request("POST", f"{path}/deployment-branch-policies", {"name": branch, "type": "branch"}))
    requests += [
        Request("DELETE", f"{path}/deployment-branch-policies/{each['id']}") for each in policies if each not in meant
    ]
    if requests:
        without = (
            "a job of any branch may name the environment; AWS gives a role to none but those of "
            f"{branch}, since its trust asks for both"
        )
        yield Setting(f"environment {name}: jobs of {branch} alone", tuple(requests), without)


def _approved(needs: Needs, name: str, branch: str | None, found: Found) -> Iterator[Setting]:
    """That jobs of an environment wait for a person; who that is, is left as it is."""
    body = as_it_is(found.environments.get(name, {}))
    if name not in APPROVED or body.get("reviewers"):
        return
    body |= {"deployment_branch_policy": NAMED_BRANCHES} if branch else {}
    body |= {"reviewers": [{"type": "User", "id": found.user["id"]}]}
    without = f"jobs start without anybody's approval: whoever may merge into {needs.branch} may start them"
    request = Request("PUT", needs.path("environments", name), body)
    yield Setting(f"environment {name}: its jobs wait for approval by {found.user['login']}", (request,), without)


def as_it_is(environment: Body) -> Body:
    """The body of a request that leaves an environment as it is: what a request does not tell is taken away."""
    body: Body = {}
    if policy := environment.get("deployment_branch_policy"):
        body["deployment_branch_policy"] = policy
    for rule in environment.get("protection_rules", []):
        if rule["type"] == "wait_timer":
            body["wait_timer"] = rule["wait_timer"]
        elif rule["type"] == "required_reviewers":
            body["reviewers"] = [
                {"type": each["type"], "id": each["reviewer"]["id"]} for each in rule["reviewers"] if each["reviewer"]
            ]
            body["prevent_self_review"] = rule.get("prevent_self_review", False)
    return body


def _workflows(needs: Needs, found: Found) -> Iterator[Setting]:
    """That the form's and a reverted release's pull requests can be opened; what tokens may do is left as it is."""
    if found.workflows.get("can_approve_pull_request_reviews"):
        return
    request = Request("PUT", needs.path(*WORKFLOWS), found.workflows | PROPOSE)
    without = "the form of train.yml and a release that is taken back open no pull request: a person must"
    yield Setting("workflows may open pull requests", (request,), without)


def _label(needs: Needs, found: Found) -> Iterator[Setting]:
    """That the form can ask for a training; its colour and words are a person's."""
    if found.label is None:
        yield Setting(f"label {LABEL}", (Request("POST", needs.path("labels"), LABELLED),))


def _rules(needs: Needs, found: Found) -> Iterator[Setting]:
    path, current = needs.path("rulesets"), found.ruleset
    body = ruleset(needs.branch, current or {})
    if current is None:
        request = Request("POST", path, body)
    elif any(current.get(key) != value for key, value in body.items()):
        request = Request("PUT", f"{path}/{current['id']}", body)
    else:
        return
    without = f"nothing but agreement keeps unchecked commits from {needs.branch}, which is what goes into production"
    yield Setting(f"ruleset {RULESET}: {in_words(needs.branch)}", (request,), without)


def look(needs: Needs) -> Found:
    """What the repository has. Raises UserError where it is another than AWS trusts, or another's to set."""
    user = get("user")
    repository = get(needs.path())
    if user is None or repository is None:
        who = user["login"] if user else "gh's login"
        raise UserError(
            f"GitHub shows {who} no repository {needs.repository}: make it, log in as someone who may see it "
            f"(`gh auth login`), or mend `github` in {FILE}; {AGAIN}."
        )
    known = (repository["full_name"], str(repository["id"]), repository["default_branch"])
    told = (needs.repository, needs.id, needs.branch)
    if known != told:
        raise UserError(
            "AWS will trust {}, number {}, branch {}; on GitHub it is {}, number {}, branch {}".format(*told, *known)
            + f": put that into `github` of {FILE}; {AGAIN}."
        )
    if not repository.get("permissions", {}).get("admin"):
        raise UserError(
            f"{user['login']} may not administrate {needs.repository} on GitHub: log in as someone who may "
            f"(`gh auth login`), {AGAIN}; or let them run the commands above."
        )
    environments = {each["name"]: each for each in listed(needs.path("environments"), "environments")}
    return Found(
        user=user,
        private=repository["private"],
        variables={each["name"]: each["value"] for each in listed(needs.path("actions", "variables"), "variables", 30)},
        environments=environments,
        policies={
            name: listed(needs.path("environments", name, "deployment-branch-policies"), "branch_policies")
            for name, each in environments.items()
            if name in needs.environments and each.get("deployment_branch_policy") == NAMED_BRANCHES
        },
        workflows=get(needs.path(*WORKFLOWS)) or {},
        label=get(needs.path("labels", LABEL)),
        ruleset=_ruleset(needs),
    )


def _ruleset(needs: Needs) -> Body | None:
    path = needs.path("rulesets")
    rulesets = get(f"{path}?includes_parents=false&per_page=100") or []
    mine = [each["id"] for each in rulesets if each["name"] == RULESET]
    found: Body | None = get(f"{path}/{mine[0]}") if mine else None
    return found


def make(setting: Setting) -> str | None:
    """Set something; returns why GitHub's plan does not let it. Raises UserError where GitHub refuses it otherwise."""
    for request in setting.requests:
        answer = ask(request)
        if answer.plan_lacks_it:
            return answer.message
        if not answer.good:
            raise UserError(
                f"GitHub refuses `{setting.name}`: {answer.message} (HTTP {answer.status}). Mend it, {AGAIN}."
            )
    return None


def settle(needs: Needs) -> None:
    """Set what the repository lacks, once someone said yes; else say what it needs. Raises UserError."""
    if shutil.which("gh") is None:
        print(f"\n{by_hand(needs)}")
        return
    try:
        found = look(needs)
    except LoginError as error:
        print(f"\n{error}.\n\n{by_hand(needs)}")
        return
    except UserError:
        print(f"\n{by_hand(needs)}")
        raise
    settings = lacking(needs, found)
    if not settings:
        print(f"\n{needs.repository} on GitHub has all that it needs.")
        return
    print(f"\n{needs.repository} on GitHub lacks:", *(f"  {setting.name}" for setting in settings), sep="\n")
    if not approved(found.user["login"]):
        print(f"\nNothing was set.\n\n{by_hand(needs)}")
        return
    refused = make_all(settings)
    # branches that an environment named long ago show only once it goes by names again
    names = {setting.name for setting, _ in refused}
    make_all([setting for setting in lacking(needs, look(needs)) if setting.name not in names])
    for notice in notices(refused):
        print(notice)
    print("The rest is set." if refused else "It is set.")


def make_all(settings: list[Setting]) -> list[tuple[Setting, str]]:
    """Set all; returns what GitHub's plan does not let, and why."""
    refused = [(setting, make(setting)) for setting in settings]
    return [(setting, why) for setting, why in refused if why is not None]


def notices(refused: list[tuple[Setting, str]]) -> Iterator[str]:
    """What is not set and what that means, once for all that mean the same."""
    alike: dict[tuple[str, str], list[str]] = {}
    for setting, why in refused:
        alike.setdefault((setting.without, why), []).append(setting.name)
    for (without, why), names in alike.items():
        lines = [f"notice: the repository's plan lacks this (GitHub: {why})", *(f"  {name}" for name in names)]
        yield "\n".join([*lines, f"  That means: {without}."])


def approved(login: str) -> bool:
    """Whether someone wants it set: asked once, unless `APPROVE` says so. Nobody is asked where nobody can answer."""
    told = os.environ.get("APPROVE")
    if told is None and sys.stdin.isatty():
        told = input(f"Set it as {login}? Type yes: ")
    return told == "yes"
