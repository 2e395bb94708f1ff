"""A repository on GitHub, and the workflow's token that this project asks with."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.delivery.github.api import GitHub
from slipway.rehearsal.github import GitHub as Hub

ROOT = Path(__file__).resolve().parents[2]
PARAMS = "data: aws_docs\nmodel: bag\nset: {}\n"
Client = Callable[..., GitHub]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of main: its order, whatever this repository's own is, and conf/."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "params.yaml").write_text(PARAMS, encoding="utf-8")
    (folder / "conf").symlink_to(ROOT / "conf")
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    """acme/texts, with a label and an order form on main; what was asked of GitHub must fit its own description."""
    with Hub() as there:
        there.as_user().do("POST", "labels", {"name": "train"})
        there.as_user().commit("main", {"params.yaml": PARAMS, "README.md": "Texts\n"}, "Begin")
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
        person.commit(branch, {"params.yaml": f"{PARAMS}# {branch}\n", **files})
        number = person.open_pull_request(branch)
        for label in labels:
            person.label(number, label)
        return number

    return make
