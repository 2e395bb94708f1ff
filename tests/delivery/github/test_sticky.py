"""One comment a pull request, whoever interferes; a state that is broken, or another's, is none."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.sticky import MARK, State, written
from slipway.rehearsal.github import GitHub as Hub

STATE = State(
    sha="a" * 40,
    job="slipway-0123456789abcdef",
    attempt=1,
    status="training",
    cost_usd=1.5,
)
Client = Callable[..., GitHub]
Opened = Callable[..., int]


def bodies(hub: Hub, number: int) -> list[str]:
    return [each.body for each in hub.comments_of(number)]


def test_the_comment_is_edited_and_never_repeated(hub: Hub, client: Client, opened: Opened) -> None:
    number, github = opened(), client()
    assert sticky.find(github, number) is None
    first = sticky.write(github, number, "### Training", STATE)
    changed = STATE.model_copy(update={"status": "reported"})
    second = sticky.write(github, number, "### Promote", changed)
    assert first.number == second.number
    [body] = bodies(hub, number)
    assert body.startswith(f"{MARK}\n### Promote\n")
    found = sticky.find(github, number)
    assert found
    assert found.state == changed


def test_what_says_the_same_is_not_written_again(hub: Hub, client: Client, opened: Opened) -> None:
    number, github = opened(), client()
    sticky.write(github, number, "### Training", STATE)
    asked = len(hub.requests)
    sticky.write(github, number, "### Training", STATE)
    assert all(request.startswith("GET") for request in hub.requests[asked:])


def test_a_comment_whose_answer_was_lost_is_not_made_twice(hub: Hub, client: Client, opened: Opened) -> None:
    number = opened()
    hub.faults.lose("POST", "/comments")
    sticky.write(client(), number, "### Training", STATE)
    assert len(bodies(hub, number)) == 1


def test_of_two_who_begin_at_once_one_comment_stays(
    hub: Hub, client: Client, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, github, other = opened(), client(), client()
    really = github.post

    def after_the_other(*words: Any, **more: Any) -> Any:
        other.post(f"issues/{number}/comments", {"body": f"{MARK}\nfirst\n\n{written(STATE)}"})
        return really(*words, **more)

    monkeypatch.setattr(github, "post", after_the_other)
    sticky.write(github, number, "second", STATE)
    [body] = bodies(hub, number)
    assert "second" in body


def test_it_is_found_among_many(hub: Hub, client: Client, opened: Opened) -> None:
    number, github = opened(), client()
    for each in range(105):
        hub.as_user().comment(number, f"{each}")
    sticky.write(github, number, "late", STATE)
    sticky.write(github, number, "later", STATE)
    assert sum(MARK in body for body in bodies(hub, number)) == 1


def test_what_anyone_else_writes_is_no_state(hub: Hub, client: Client, opened: Opened) -> None:
    number, github = opened(), client()
    hub.as_user("mallory", "write").comment(number, f"{MARK}\n### Promote\n\n{written(STATE)}")
    assert sticky.find(github, number) is None
    sticky.write(github, number, "ours", STATE.model_copy(update={"attempt": 2}))
    found = sticky.find(github, number)
    assert found
    assert found.state
    assert found.state.attempt == 2


def packed(**values: Any) -> str:
    told = json.loads(STATE.model_dump_json()) | values
    state = base64.b64encode(json.dumps(told).encode()).decode()
    return f"{MARK}\nx\n<!-- slipway-state: {state} -->"


BROKEN = {
    "no state": f"{MARK}\nx",
    "no base64": f"{MARK}\n<!-- slipway-state: e30 -->",
    "no JSON": f"{MARK}\n<!-- slipway-state: AAAA -->",
    "not at the end": f"{MARK}\n{written(STATE)}\nmore",
    "another version": packed(version=2),
    "one key more": packed(extra=1),
    "a job that is none": packed(job="slipway-1; rm -rf /"),
    "a commit that is none": packed(sha="main"),
    "an override of its own": packed(compute=["compute.role=arn:aws:iam::1:role/x"]),
    "two types": packed(compute=["compute.instance_types=[ml.g5.xlarge,ml.p5.48xlarge]"]),
    "a line too many": packed(compute=["compute.spot=true\nx"]),
    "a status of its own": packed(status="done"),
    "too long": packed(superseded=["0" * 16] * 1000),
    "text for a number": packed(attempt="1"),
    "not a number": packed(cost_usd=float("nan")),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_state_is_none(name: str) -> None:
    assert sticky.read(BROKEN[name]) is None


def test_a_state_is_read_as_it_was_written() -> None:
    assert sticky.read(packed()) == STATE
    assert sticky.read(f"{MARK}\r\nx\r\n\r\n{written(STATE)}\r\n") == STATE
    # whatever the body says of states, the one at the end counts
    forged = written(STATE.model_copy(update={"attempt": 9}))
    assert sticky.read(f"{MARK}\n{forged}\n{written(STATE)}") == STATE


def test_a_job_that_follows_another_supersedes_it() -> None:
    first = State(sha="a" * 40).followed_by("a" * 40, "1" * 16, 1, None)
    second = first.followed_by("b" * 40, "2" * 16, 1, 2.0)
    assert (second.job, second.superseded) == (f"slipway-{'2' * 16}", ("1" * 16,))
    back = second.followed_by("c" * 40, "1" * 16, 2, 2.0)
    assert (back.hash, back.superseded) == ("1" * 16, ("2" * 16,))
    assert back.followed_by("c" * 40, "1" * 16, 2, 2.0) == back
    many = first
    for each in range(40):
        many = many.followed_by("c" * 40, f"{each:016x}", 1, None)
    assert len(many.superseded) == 20
    assert many.superseded[-1] == f"{38:016x}"
    assert State.model_validate_json(many.model_dump_json()) == many
