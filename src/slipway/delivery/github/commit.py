"""Commits made through GitHub's git database: no clone, no shell, nothing forced.

https://docs.github.com/en/rest/git
"""

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.delivery.github.api import GitHub, GitHubError, again, segment
from slipway.errors import UserError


@dataclass(frozen=True)
class Commit:
    """A commit: its own name, its tree's, and its parents'."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str | None


class MovedError(UserError):
    """The branch holds something that a commit does not follow."""


def look(github: GitHub, sha: str) -> Commit:
    """The commit `sha`; `author` is a person's or bot's login, where GitHub knows one."""
    found = github.get(f"commits/{sha}")
    author = found.get("author") or {}
    parents = tuple(str(each["sha"]) for each in found["parents"])
    return Commit(str(found["sha"]), str(found["commit"]["tree"]["sha"]), parents, author.get("login"))


def tip(github: GitHub, branch: str) -> str | None:
    """The commit that a branch is at; None where there is no such branch."""
    found = github.find(f"git/ref/heads/{segment(branch)}")
    return None if found is None else str(found["object"]["sha"])


def tree_with(github: GitHub, base: str, files: Mapping[str, str]) -> str:
    """The tree `base` with these files' contents, by path."""
    entries = [
        {"path": path, "mode": "100644", "type": "blob", "content": content} for path, content in sorted(files.items())
    ]
    return str(github.post("git/trees", {"base_tree": base, "tree": entries}, look=again)["sha"])


def commit(github: GitHub, message: str, tree: str, parent: str) -> str:
    """Make a commit, which no branch holds yet; its author is whoever the token is of."""
    body = {"message": message, "tree": tree, "parents": [parent]}
    return str(github.post("git/commits", body, look=again)["sha"])


def start(github: GitHub, branch: str, sha: str) -> None:
    """Begin a branch at a commit. Raises MovedError where there is one of that name elsewhere."""
    try:
        github.post(
            "git/refs",
            {"ref": f"refs/heads/{branch}", "sha": sha},
            look=lambda: {} if tip(github, branch) == sha else None,
        )
    except GitHubError as error:
        if error.status != 422:
            raise
        if tip(github, branch) != sha:
            raise MovedError(f"the branch {branch} was begun by someone else meanwhile.") from error


def move(github: GitHub, branch: str, sha: str, parent: str) -> None:
    """Let a branch go on from `parent` to a commit that follows it.

    Raises MovedError where it went elsewhere, or is gone, and GitHubError where a rule of the branch keeps it as it is.
    """
    try:
        github.patch(f"git/refs/heads/{segment(branch)}", {"sha": sha, "force": False})
    except GitHubError as error:
        if error.status not in (404, 409, 422):
            raise
        there = tip(github, branch)
        if there == parent:
            raise
        if there != sha:
            raise MovedError(f"the branch {branch} has moved meanwhile: {error.reason}") from error
