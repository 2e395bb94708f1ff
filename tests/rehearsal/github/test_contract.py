"""Requests and answers are GitHub's, or the test that made them fails; and GitHub fails as GitHub does."""

import pytest
import requests

from slipway.rehearsal.github import GitHub, forms
from slipway.rehearsal.github.contract import Contract
from slipway.rehearsal.github.routes import ROUTES

from .conftest import Job, names


def test_the_contract_has_what_is_emulated_and_no_more() -> None:
    assert set(Contract().operations) == set(ROUTES)


def test_an_answer_that_github_would_not_give_is_a_violation(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "full_repository", lambda *_, **__: {"id": "two"})
    answer = github.as_user().ask("GET", "")
    assert answer.status_code == 500
    [violation] = github.violations
    assert violation.startswith("GET /repos/{owner}/{repo} answers 200 with")
    assert violation in answer.json()["message"]
    github.violations.clear()


def test_a_question_that_github_would_overlook_is_a_violation(github: GitHub) -> None:
    assert github.as_user().ask("GET", "pulls", label="train").status_code == 500
    assert github.violations == ["GET /repos/{owner}/{repo}/pulls has no parameter label"]
    github.violations.clear()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "issues/1/comments", {}, 422),
        ("POST", "issues/1/comments", {"body": 1}, 422),
        ("POST", "issues/1/comments", {"body": "a", "text": "b"}, 422),
        ("GET", "issues/one/comments", None, 404),
        ("GET", "pulls?state=shut", None, 422),
        ("POST", "git/blobs", {"content": "%", "encoding": "base64"}, 422),
        ("GET", "milestones", None, 404),
    ],
)
def test_what_does_not_fit_is_refused(
    github: GitHub, pull: int, method: str, path: str, body: object, status: int
) -> None:
    assert github.as_user().ask(method, path, body).status_code == status
    assert github.comments == {}


def test_what_is_no_json_is_refused(github: GitHub) -> None:
    headers = {"Authorization": f"Bearer {github.as_user().token}"}
    url = f"{github.url}/repos/acme/texts/dispatches"
    assert requests.post(url, data=b"{", headers=headers, timeout=60).status_code == 400


def test_faults_last_as_often_as_is_said_and_change_nothing(github: GitHub, pull: int) -> None:
    github.faults.answer("POST", r"/issues/\d+/comments$", 403, times=2, headers={"Retry-After": "1"})
    octocat = github.as_user()
    for _ in range(2):
        refused = octocat.ask("POST", f"issues/{pull}/comments", {"body": "a"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (403, "1")
        assert "secondary rate limit" in refused.json()["message"]
    assert github.comments == {}
    assert octocat.ask("GET", f"issues/{pull}/comments").ok
    assert octocat.ask("POST", f"issues/{pull}/comments", {"body": "a"}).ok


def test_a_lost_answer_took_effect(github: GitHub, pull: int) -> None:
    octocat = github.as_user()
    github.faults.lose("POST", "/comments$")
    assert octocat.ask("POST", f"issues/{pull}/comments", {"body": "a"}).status_code == 502
    github.faults.lose("POST", "/dispatches$", status=0)
    with pytest.raises(requests.ConnectionError):
        octocat.ask("POST", "dispatches", {"event_type": "a"})
    assert [each.body for each in github.comments.values()] == ["a"]
    assert names(github) == ["repository_dispatch a"]


def test_where_github_is_down_nothing_answers(github: GitHub) -> None:
    github.down = True
    assert github.as_user().ask("GET", "pulls").status_code == 503
    github.down = False
    assert Job(github, github.token_for({"pull-requests": "read"})).ask("GET", "pulls").ok
    assert github.requests[-1] == "GET /repos/acme/texts/pulls"
