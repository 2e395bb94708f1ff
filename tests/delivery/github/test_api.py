"""GitHub's API is asked again where it faltered, but never so that something happens twice; what it refuses is told."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from slipway.delivery.github.api import GitHub, GitHubError, again
from slipway.errors import UserError
from slipway.rehearsal.github import GitHub as Hub

Client = Callable[..., GitHub]
Opened = Callable[..., int]


def comments(hub: Hub, number: int) -> list[str]:
    return [each.body for each in hub.comments_of(number)]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 0])
def test_what_is_lost_is_asked_for_again(status: int, hub: Hub, client: Client) -> None:
    waited: list[float] = []
    hub.faults.answer("GET", "/repos/acme/texts$", status, times=3)
    assert client(waited).get("")["full_name"] == "acme/texts"
    assert waited == [2, 4, 8]


def test_what_goes_on_to_fail_is_told(hub: Hub, client: Client) -> None:
    hub.faults.answer("GET", "/repos/acme/texts$", 502, times=100)
    with pytest.raises(GitHubError, match="GitHub says 502: Server Error") as error:
        client().get("")
    assert error.value.status == 502


def test_github_that_is_not_there_is_told() -> None:
    nobody = GitHub("acme/texts", "t", "http://127.0.0.1:9", wait=lambda _: None)
    with pytest.raises(GitHubError, match=r"GitHub cannot be reached \(ConnectionError\): run the job again"):
        nobody.get("")


def test_a_post_that_took_effect_is_not_done_again(hub: Hub, client: Client, opened: Opened) -> None:
    number = opened()
    github = client()

    def look() -> Any:
        return next(iter(github.pages(f"issues/{number}/comments")), None)

    hub.faults.lose("POST", "/comments", times=1)
    assert github.post(f"issues/{number}/comments", {"body": "once"}, look=look)["body"] == "once"
    assert comments(hub, number) == ["once"]


def test_a_post_that_did_nothing_is_done_again(hub: Hub, client: Client, opened: Opened) -> None:
    number = opened()
    hub.faults.answer("POST", "/comments", 502, times=2)
    client().post(f"issues/{number}/comments", {"body": "once"}, look=again)
    assert comments(hub, number) == ["once"]


def test_a_post_that_nobody_can_look_after_is_an_error_and_not_done_twice(
    hub: Hub, client: Client, opened: Opened
) -> None:
    number = opened()
    hub.faults.lose("POST", "/comments", times=1)
    with pytest.raises(GitHubError, match="502"):
        client().post(f"issues/{number}/comments", {"body": "once"})
    assert comments(hub, number) == ["once"]


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7), ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "SOON"}, 31), ({}, 60)],
)
def test_a_limit_is_waited_for_as_long_as_github_asks(
    status: int, headers: dict[str, str], seconds: float, hub: Hub, client: Client, opened: Opened
) -> None:
    number, waited = opened(), []
    soon = str(int(time.time()) + 30)
    told = {name: soon if value == "SOON" else value for name, value in headers.items()}
    hub.faults.answer("POST", "/comments", status, headers=told)
    client(waited).post(f"issues/{number}/comments", {"body": "a refusal did nothing, so no look is needed"})
    assert waited == [pytest.approx(seconds, abs=2)]


def test_a_limit_of_an_hour_is_told_and_not_waited_for(hub: Hub, client: Client) -> None:
    waited: list[float] = []
    hub.faults.answer("GET", "/repos/acme/texts$", 429, headers={"Retry-After": "3600"})
    with pytest.raises(GitHubError, match="It asks to wait 3600 s: run the job again then"):
        client(waited).get("")
    assert waited == []


def test_a_right_that_is_missing_is_told_and_not_tried_again(hub: Hub, client: Client, opened: Opened) -> None:
    number, waited = opened(), []
    with pytest.raises(GitHubError, match="403: Resource not accessible by integration"):
        client(waited, contents="read").post(f"issues/{number}/comments", {"body": "no"})
    assert waited == []


def test_a_token_that_is_over_is_told_without_it(hub: Hub) -> None:
    with pytest.raises(GitHubError, match="GitHub does not know the token") as error:
        GitHub("acme/texts", "secret-token", hub.url).get("")
    assert "secret-token" not in str(error.value)


def test_a_list_of_many_pages_comes_whole(hub: Hub, client: Client, opened: Opened) -> None:
    number = opened()
    person = hub.as_user()
    for each in range(120):
        person.comment(number, f"{each}")
    found = [each["body"] for each in client().pages(f"issues/{number}/comments")]
    assert found == [f"{each}" for each in range(120)]


def test_what_is_not_there_is_none_and_gone_already(client: Client) -> None:
    assert client().find("git/ref/heads/nothing") is None
    assert client().delete("issues/comments/12345") is None
    with pytest.raises(GitHubError, match="404"):
        client().get("pulls/77")


@pytest.mark.parametrize("name", ["GITHUB_REPOSITORY", "GITHUB_TOKEN"])
def test_what_the_environment_lacks_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    monkeypatch.setenv("GITHUB_TOKEN", "t")
    monkeypatch.delenv(name)
    with pytest.raises(UserError, match=f"{name} is not set"):
        GitHub.from_environment()


def test_a_repository_that_is_no_name_is_refused() -> None:
    with pytest.raises(UserError, match="must be OWNER/NAME"):
        GitHub("acme/texts/../../x", "t")


def test_the_environment_names_the_server(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/texts")
    monkeypatch.setenv("GITHUB_TOKEN", hub.token_for({"contents": "read"}))
    monkeypatch.setenv("GITHUB_API_URL", hub.url)
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example")
    github = GitHub.from_environment()
    assert github.get("")["full_name"] == "acme/texts"
    assert github.url == "https://github.example/acme/texts"
