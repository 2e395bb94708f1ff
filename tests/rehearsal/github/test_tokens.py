"""A job's token may do what its workflow's permissions say, by GitHub's own table, and no more."""

import pytest
import requests

from slipway.rehearsal.github import GitHub
from slipway.rehearsal.github.routes import ROUTES

from .conftest import Job, names

REFUSED = "Resource not accessible by integration"


@pytest.mark.parametrize(
    ("method", "path", "body", "permission", "level"),
    [
        ("GET", "contents/README.md", None, "contents", "read"),
        ("GET", "git/ref/heads/main", None, "contents", "read"),
        ("POST", "git/blobs", {"content": "a"}, "contents", "write"),
        ("POST", "dispatches", {"event_type": "a"}, "contents", "write"),
        ("PUT", "pulls/1/merge", {}, "contents", "write"),
        ("GET", "pulls", None, "pull-requests", "read"),
        ("PATCH", "pulls/1", {"title": "b"}, "pull-requests", "write"),
        ("POST", "issues/1/labels", {"labels": ["a"]}, "pull-requests", "write"),
        ("POST", "issues/1/comments", {"body": "a"}, "pull-requests", "write"),
        ("POST", "issues/1/comments", {"body": "a"}, "issues", "write"),
        ("GET", "issues/1/comments", None, "issues", "read"),
        ("GET", "actions/runs", None, "actions", "read"),
        ("GET", "environments", None, "actions", "read"),
        (
            "POST",
            "actions/workflows/ci.yml/dispatches",
            {"ref": "main", "inputs": {"name": "a"}},
            "actions",
            "write",
        ),
        ("GET", "commits/main/check-runs", None, "checks", "read"),
    ],
)
def test_an_operation_needs_its_permission(
    github: GitHub, pull: int, method: str, path: str, body: object, permission: str, level: str
) -> None:
    every = ("contents", "pull-requests", "issues", "actions", "checks", "statuses", "deployments")
    talk = {"issues", "pull-requests"} if path.startswith("issues/") else {permission}
    others = {name: "write" for name in every if name not in talk}
    below = others | ({permission: "read"} if level == "write" else {})
    github.as_user().do("POST", "labels", {"name": "a"})
    before = github.git.refs()
    refused = Job(github, github.token_for(below)).ask(method, path, body)
    assert (refused.status_code, refused.json()["message"]) == (403, REFUSED)
    assert f"{permission.replace('-', '_')}={level}" in refused.headers["X-Accepted-GitHub-Permissions"]
    assert github.git.refs() == before
    assert Job(github, github.token_for({permission: level})).ask(method, path, body).ok


def test_a_job_has_no_settings_and_is_nobody(github: GitHub) -> None:
    every = ("contents", "pull-requests", "issues", "actions", "checks", "statuses", "deployments", "id-token")
    job = Job(github, github.token_for(dict.fromkeys(every, "write")))
    for method, path, body in (
        ("GET", "actions/variables", None),
        ("PUT", "environments/production", {}),
        ("POST", "rulesets", {"name": "a", "enforcement": "active"}),
        ("PUT", "actions/permissions/workflow", {"can_approve_pull_request_reviews": True}),
    ):
        assert job.ask(method, path, body).json()["message"] == REFUSED
    headers = {"Authorization": f"Bearer {job.token}"}
    assert requests.get(f"{github.url}/user", headers=headers, timeout=60).status_code == 403
    assert job.ask("GET", "rulesets").json() == []


def test_a_token_that_is_revoked_or_none_is_refused(github: GitHub) -> None:
    token = github.token_for({"contents": "read"})
    assert Job(github, token).ask("GET", "contents/README.md").ok
    github.revoke(token)
    refused = Job(github, token).ask("GET", "contents/README.md")
    assert (refused.status_code, refused.json()["message"]) == (401, "Bad credentials")
    url = f"{github.url}/repos/acme/texts"
    assert requests.get(url, timeout=60).status_code == 401


def test_people_may_do_what_their_role_lets_them(github: GitHub, pull: int) -> None:
    github.as_user().do("POST", "labels", {"name": "in need"})
    allowed = {}
    for role in ("read", "triage", "write", "admin"):
        who = github.as_user(role, role)
        asked = {
            "comment": who.ask("POST", f"issues/{pull}/comments", {"body": "a"}),
            "label": who.ask("POST", f"issues/{pull}/labels", {"labels": ["in need"]}),
            "dispatch": who.ask("POST", "dispatches", {"event_type": "a"}),
            "set": who.ask("POST", "actions/variables", {"name": role, "value": "1"}),
        }
        allowed[role] = [name for name, answer in asked.items() if answer.ok]
        permission = github.as_user().do("GET", f"collaborators/{role}/permission")
        told = {"triage": "read"}.get(role, role)
        assert (permission["permission"], permission["role_name"]) == (told, role)
    assert allowed == {
        "read": ["comment"],
        "triage": ["comment", "label"],
        "write": ["comment", "label", "dispatch"],
        "admin": ["comment", "label", "dispatch", "set"],
    }
    assert github.as_user("stranger").ask("GET", "pulls").status_code == 404


def test_a_persons_own_narrow_token_starts_workflows(github: GitHub) -> None:
    token = github.token_for({"contents": "write"}, actor="octocat")
    assert Job(github, token).ask("POST", "dispatches", {"event_type": "training-ended"}).ok
    assert names(github) == ["repository_dispatch training-ended"]
    refused = Job(github, token).ask("GET", "pulls")
    assert (refused.status_code, "personal access token" in refused.json()["message"]) == (403, True)


def test_no_operation_is_open_by_an_oversight() -> None:
    open_to_jobs = {name for name, route in ROUTES.items() if not route.needs}
    assert open_to_jobs == {
        "GET /repos/{owner}/{repo}",
        "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
        "GET /repos/{owner}/{repo}/rulesets",
        "GET /repos/{owner}/{repo}/rulesets/{ruleset_id}",
    }
    by_readers = {
        name for name, route in ROUTES.items() if route.role in ("none", "read") and not name.startswith("GET ")
    }
    assert by_readers == {
        "POST /repos/{owner}/{repo}/pulls",
        "PATCH /repos/{owner}/{repo}/pulls/{pull_number}",
        "POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
        "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
        "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
        "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}",
    }
