"""The emulated GitHub keeps what it is told, and refuses what GitHub refuses, to the real `gh`."""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from slipway.delivery.repository.gh import Request, ask
from slipway.rehearsal.github import CUSTOM, GitHub

REPO = "repos/acme/texts"
CHECKS = {"required_status_checks": [{"context": "test"}], "strict_required_status_checks_policy": True}


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """A public repository without settings, which `gh` reaches, and nothing else."""
    if shutil.which("gh") is None:
        pytest.skip("gh is missing: https://cli.github.com")
    with GitHub() as there:
        for name, value in there.environment.items():
            monkeypatch.setenv(name, value)
        yield there
        assert there.violations == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "actions/variables", {"name": "A"}, 422, '"value" wasn\'t supplied'),
        ("POST", "actions/variables", {"name": "A", "value": 1}, 422, "another type"),
        ("POST", "actions/variables", {"name": "A", "value": "1", "more": 1}, 422, '"more" is not a permitted key'),
        ("POST", "actions/variables", {"name": "a b", "value": "1"}, 422, "alphanumeric"),
        ("POST", "actions/variables", {"name": "GITHUB_A", "value": "1"}, 422, "Validation Failed"),
        ("PATCH", "actions/variables/NONE", {"value": "1"}, 404, "Not Found"),
        ("PUT", "environments/a", {"wait_timer": True}, 422, "another type"),
        ("PUT", "environments/a", {"reviewers": [{"id": 1}]}, 422, '"type" wasn\'t supplied'),
        (
            "PUT",
            "environments/a",
            {"deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": True}},
            422,
            "are the same",
        ),
        ("POST", "environments/open/deployment-branch-policies", {"name": "main"}, 404, "Not Found"),
        ("GET", "environments/open/deployment-branch-policies", None, 404, "Not Found"),
        ("DELETE", "environments/closed/deployment-branch-policies/5", None, 404, "Not Found"),
        ("POST", "rulesets", {"name": "a"}, 422, '"enforcement" wasn\'t supplied'),
        ("POST", "rulesets", {"name": "a", "enforcement": "on"}, 422, "enforcement"),
        (
            "POST",
            "rulesets",
            {"name": "a", "enforcement": "active", "rules": [{"type": "b"}]},
            422,
            "Invalid property /rules/0",
        ),
        (
            "POST",
            "rulesets",
            {"name": "a", "enforcement": "active", "rules": [{"type": "pull_request", "parameters": {}}]},
            422,
            "data matches no possible input",
        ),
        ("PUT", "rulesets/5", {"name": "a"}, 404, "Not Found"),
        ("GET", "nowhere", None, 404, "Not Found"),
    ],
)
def test_what_is_wrong_is_refused_and_changes_nothing(
    github: GitHub, method: str, path: str, body: dict[str, Any] | None, status: int, said: str
) -> None:
    ask(Request("PUT", f"{REPO}/environments/open", {}))
    ask(Request("PUT", f"{REPO}/environments/closed", {"deployment_branch_policy": CUSTOM}))
    before = json.dumps([github.variables, github.environments, github.rulesets])
    answer = ask(Request(method, f"{REPO}/{path}", body))
    assert answer.status == status
    assert said in answer.message
    assert json.dumps([github.variables, github.environments, github.rulesets]) == before


def test_a_ruleset_is_kept_with_what_github_adds_and_its_name_is_taken(github: GitHub) -> None:
    rule = {"type": "required_status_checks", "parameters": CHECKS}
    made = ask(Request("POST", f"{REPO}/rulesets", {"name": "a", "enforcement": "active", "rules": [rule]}))
    assert made.status == 201
    again = ask(Request("POST", f"{REPO}/rulesets", {"name": "a", "enforcement": "active"}))
    assert (again.status, again.message) == (422, "Validation Failed; Name must be unique")
    [listed] = ask(Request("GET", f"{REPO}/rulesets")).body
    assert "rules" not in listed
    path = f"{REPO}/rulesets/{listed['id']}"
    told = ask(Request("GET", path)).body
    assert told["rules"] == [{"type": rule["type"], "parameters": CHECKS | {"do_not_enforce_on_create": False}}]
    ask(Request("PUT", path, {"enforcement": "disabled"}))
    told = ask(Request("GET", path)).body
    assert (told["name"], told["enforcement"], told["rules"]) == ("a", "disabled", [])


def test_an_environment_forgets_what_a_request_leaves_out(github: GitHub) -> None:
    path = f"{REPO}/environments/a"
    reviewers = [{"type": "User", "id": 1}]
    ask(Request("PUT", path, {"wait_timer": 5, "reviewers": reviewers, "deployment_branch_policy": CUSTOM}))
    rules = ask(Request("GET", path)).body["protection_rules"]
    assert [each["type"] for each in rules] == ["wait_timer", "required_reviewers", "branch_policy"]
    assert rules[1]["reviewers"][0]["reviewer"]["login"] == "octocat"
    ask(Request("PUT", path, {}))
    assert ask(Request("GET", path)).body["protection_rules"] == []


def test_a_policy_is_made_once(github: GitHub) -> None:
    ask(Request("PUT", f"{REPO}/environments/a", {"deployment_branch_policy": CUSTOM}))
    path = f"{REPO}/environments/a/deployment-branch-policies"
    made = [ask(Request("POST", path, {"name": "main"})).status for _ in range(2)]
    assert made == [200, 303]
    assert ask(Request("GET", path)).body["total_count"] == 1


def test_who_is_not_known_or_has_no_right_is_refused(github: GitHub) -> None:
    github.admin = False
    answer = ask(Request("PUT", f"{REPO}/environments/a", {}))
    assert (answer.status, answer.message) == (403, "Must have admin rights to Repository.")
    assert ask(Request("GET", "repos/acme/other")).status == 404
    assert github.environments == {}
