"""The way of a request: who asks, whether GitHub knows of such a thing, whether they may, and what it answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slipway.rehearsal.github.call import (
    API,
    NOT_FOUND,
    Answer,
    Call,
    Json,
    RefusedError,
    known,
    refusal,
)
from slipway.rehearsal.github.contract import ViolationError
from slipway.rehearsal.github.routes import ROUTES

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub


@dataclass(frozen=True)
class Asked:
    """A request: `path` is what `quoted` means, `data` its body."""

    method: str
    path: str
    quoted: str
    query: dict[str, str]
    data: bytes
    token: str | None
    accept: str


def answer(github: GitHub, asked: Asked) -> Answer:
    """What is answered to a request; status 0 breaks the connection off."""
    with github.lock:
        github.requests.append(f"{asked.method} {asked.path}")
        fault = github.faults.meet(asked.method, asked.path)
        if fault and not fault[1]:
            return fault[0]
        try:
            told = _do(github, asked)
        except RefusedError as error:
            told = refusal(error)
        except ViolationError as error:
            github.violations.append(str(error))
            told = Answer(500, {"message": str(error)})
        if asked.method != "GET":
            github.seen[github.owner] = github.git.refs()
        return fault[0] if fault else told


def _do(github: GitHub, asked: Asked) -> Answer:
    caller = github.caller(asked.token)
    if f"{asked.method} {asked.path}" in github.refusals:
        raise github.refusals[f"{asked.method} {asked.path}"]
    found = github.contract.find(asked.method, asked.quoted)
    if found is None:
        raise RefusedError(*NOT_FOUND)
    name, words = found
    if "owner" in words:
        told = f"{words['owner']}/{words['repo']}".lower()
        if told != f"{github.owner}/{github.name}".lower() or not github.visible:
            raise RefusedError(*NOT_FOUND)
    route = known(ROUTES, name)
    if reason := route.refusal(caller, github.plan == "public"):
        return replace(refusal(reason), headers={"X-Accepted-GitHub-Permissions": route.accepted})
    github.contract.check_request(name, words, asked.query, body := _body(asked.data))
    call = Call(caller, words, asked.query, body, asked.accept, f"{API}{asked.quoted}")
    try:
        answered: Answer = route.do(github, call)
    except RefusedError as error:
        answered = refusal(error)
    github.contract.check_answer(name, answered, "raw" if "raw" in asked.accept else "json")
    return answered


def _body(data: bytes) -> Json:
    try:
        told = json.loads(data) if data else {}
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise RefusedError(400, "Problems parsing JSON")
    return told
