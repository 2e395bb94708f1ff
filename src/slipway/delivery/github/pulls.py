"""Pull requests, as far as training asks of them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from slipway.delivery.github.api import GitHub, GitHubError
from slipway.errors import UserError

LABEL = "train"
NOT_PERMITTED = re.compile(r"not permitted to create", re.IGNORECASE)
DRAFTS = re.compile(r"draft pull requests are not supported", re.IGNORECASE)


@dataclass(frozen=True)
class Pull:
    """A pull request; `home` says whether its branch is this repository's, no fork's."""

    number: int
    sha: str
    branch: str
    base: str
    is_open: bool
    home: bool
    labels: frozenset[str]

    @property
    def asks(self) -> bool:
        """Whether it asks for training."""
        return self.is_open and self.home and LABEL in self.labels


def pull(github: GitHub, number: int) -> Pull:
    """The pull request `number`. Raises GitHubError where there is none."""
    return read(github.get(f"pulls/{number}"), github.repository)


def asking(github: GitHub) -> Iterator[Pull]:
    """The open pull requests that ask for training, the oldest first."""
    for each in github.pages("pulls", state="open", sort="created", direction="asc"):
        if (found := read(each, github.repository)).asks:
            yield found


def read(found: dict[str, Any], repository: str) -> Pull:
    """A pull request as GitHub describes it; a fork that is gone has no repository."""
    home = (found["head"]["repo"] or {}).get("full_name", "")
    return Pull(
        number=int(found["number"]),
        sha=str(found["head"]["sha"]),
        branch=str(found["head"]["ref"]),
        base=str(found["base"]["ref"]),
        is_open=found["state"] == "open",
        home=str(home).lower() == repository.lower(),
        labels=frozenset(str(each["name"]) for each in found["labels"]),
    )


def propose(github: GitHub, body: dict[str, Any], find: Callable[[], Any]) -> dict[str, Any]:
    """Open a pull request, or find the one that an answer which got lost was about.

    A draft is an open one where the plan knows no drafts. Raises UserError where workflows may open none.
    """
    try:
        return dict(github.post("pulls", body, look=find))
    except GitHubError as error:
        if NOT_PERMITTED.search(error.reason):
            raise UserError(
                f"{error.reason}: allow it under Settings, Actions, General, Workflow permissions, and run the job "
                f"again; or open a pull request of branch {body['head']} yourself."
            ) from error
        if not DRAFTS.search(error.reason):
            raise
    return dict(github.post("pulls", body | {"draft": False}, look=find))
