"""A repository on GitHub, and the workflow's token that this project asks with."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.delivery.github.api import GitHub
from slipway.rehearsal.github import GitHub as Hub

ROOT = Path(__file__).resolve().parents[2]
Client = Callable[..., GitHub]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """acme/texts: `main` holds an order form; what was asked of GitHub must fit its own description."""
    for name in [name for name in os.environ if name.startswith(("GH_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    with Hub() as there:
        params = (ROOT / "params.yaml").read_text(encoding="utf-8")
        there.as_user().commit("main", {"params.yaml": params, "README.md": "Texts\n"}, "Begin")
        yield there
        assert there.violations == []


@pytest.fixture
def client(hub: Hub) -> Client:
    """Makes this project's client with the permissions of a job; it waits no time, and `waited` holds what it would."""

    def make(waited: list[float] | None = None, **permissions: str) -> GitHub:
        granted = permissions or {"contents": "write", "pull_requests": "write", "actions": "write"}
        said = waited if waited is not None else []
        return GitHub("acme/texts", hub.token_for(granted), hub.url, wait=said.append)

    return make


@pytest.fixture
def opened(hub: Hub) -> Callable[..., int]:
    """Opens a pull request of a branch that changes a file; returns its number."""

    def make(branch: str = "wider", *labels: str, **files: str) -> int:
        person = hub.as_user()
        person.commit(branch, {"params.yaml": f"data: aws_docs\nmodel: bag\nset: {{}}\n# {branch}\n", **files})
        number = person.open_pull_request(branch)
        for label in labels:
            person.label(number, label)
        return number

    return make
