"""A repository with a first commit, its people, and a job's token."""

from collections.abc import Iterator
from queue import Empty
from typing import Any

import pytest
import requests

from slipway.rehearsal.github import Event, GitHub

CI = """
on:
  pull_request:
  workflow_dispatch:
    inputs:
      name: {required: true, type: string}
      size: {type: choice, options: [small, large], default: small}
      force: {type: boolean, default: false}
jobs: {}
"""
TOLD = """
on: push
jobs: {}
"""


class Job:
    """A job's requests, with its token."""

    def __init__(self, github: GitHub, token: str) -> None:
        self.github, self.token = github, token

    def ask(self, method: str, path: str, body: Any = None, /, **query: Any) -> requests.Response:
        """A request below the repository's address."""
        url = f"{self.github.url}/repos/acme/texts/{path}"
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.request(method, url, json=body, params=query, headers=headers, timeout=60)


def events(github: GitHub) -> list[Event]:
    """What workflows are started for since it was asked for."""
    found = []
    while True:
        try:
            found.append(github.events.get_nowait())
        except Empty:
            return found


def names(github: GitHub) -> list[str]:
    """The same in short: name and action, or ref."""
    return [f"{each.name} {each.payload.get('action', each.ref)}" for each in events(github)]


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A private repository with workflows on main; nothing may happen that GitHub's description does not know."""
    with GitHub(plan="team") as there:
        files = {"README.md": "Texts\n", ".github/workflows/ci.yml": CI, ".github/workflows/told.yml": TOLD}
        there.as_user().commit("main", files, "Begin")
        events(there)
        yield there
        assert there.violations == []


@pytest.fixture
def pull(github: GitHub) -> int:
    """A pull request of the branch `change`."""
    octocat = github.as_user()
    octocat.commit("change", {"a.txt": "1\n"}, "Add a")
    number = octocat.open_pull_request("change", "Add a")
    events(github)
    return number
