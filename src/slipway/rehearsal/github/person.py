"""What people do at GitHub: through its API, with their own token, and by real pushes."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from slipway.rehearsal.github.call import RefusedError
from slipway.rehearsal.github.git import ENVIRONMENT, GitError

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub


class Person:
    """Somebody with a token; what GitHub refuses is a RefusedError (a push: GitError)."""

    def __init__(self, github: "GitHub", login: str, token: str) -> None:
        self.github, self.login, self.token = github, login, token

    def ask(self, method: str, path: str, body: Any = None, /, **query: Any) -> requests.Response:
        """A request below the repository's address, as `pulls/1`, and whatever it is answered."""
        url = f"{self.github.url}/repos/{self.github.owner}/{self.github.name}{'/' if path else ''}{path}"
        headers = {"Authorization": f"Bearer {self.token}", "X-GitHub-Api-Version": "2022-11-28"}
        return requests.request(method, url, json=body, params=query, headers=headers, timeout=60)

    def do(self, method: str, path: str, body: Any = None, /, **query: Any) -> Any:
        """The same, and its JSON; RefusedError."""
        answer = self.ask(method, path, body, **query)
        if not answer.ok:
            told = answer.json()
            raise RefusedError(answer.status_code, told["message"], *told.get("errors", []))
        return answer.json() if answer.content else None

    # git

    def remote(self, owner: str | None = None) -> str:
        """The address to clone and push by, of the repository or of somebody's fork; it holds the token."""
        host = self.github.url.removeprefix("http://")
        return f"http://{self.login}:{self.token}@{host}/{owner or self.github.owner}/{self.github.name}.git"

    def push(self, folder: Path, *what: str, owner: str | None = None) -> None:
        """`git push` of a working copy, as `HEAD:refs/heads/main` and its options; GitError."""
        _git(folder, "push", "--quiet", self.remote(owner), *what)

    def commit(
        self,
        branch: str,
        files: Mapping[str, str | bytes | None],
        message: str = "Change files",
        base: str | None = None,
        owner: str | None = None,
    ) -> str:
        """Push a commit of files to a branch, a new one from `base`; a path without content is removed. Its hash."""
        base = base or self.github.branch
        with tempfile.TemporaryDirectory(prefix="clone-") as folder:
            work = Path(folder)
            _git(work, "init", "--quiet", f"--initial-branch={branch}")
            git = self.github.git if owner is None else self.github.forks[owner]
            found = [name for name in (branch, base) if git.resolve(f"refs/heads/{name}")]
            if found:
                _git(work, "pull", "--quiet", "--ff-only", self.remote(owner), f"refs/heads/{found[0]}")
            for path, content in files.items():
                file = work / path
                if content is None:
                    file.unlink()
                    continue
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content.encode() if isinstance(content, str) else content)
            _git(work, "add", "--all")
            who = self.github.signature(self.login)
            named = who.environment("AUTHOR") | who.environment("COMMITTER")
            _git(work, "commit", "--quiet", "--allow-empty", "-m", message, environment=named)
            self.push(work, f"HEAD:refs/heads/{branch}", owner=owner)
            return _git(work, "rev-parse", "HEAD")

    def fork(self) -> str:
        """Copy the repository to one of their own; pushes to it name its `owner`. Its address."""
        self.github.fork(self.login)
        return self.remote(self.login)

    # pull requests

    def open_pull_request(
        self, head: str, title: str = "Change", body: str = "", base: str | None = None, draft: bool = False
    ) -> int:
        """Its number; `head` is a branch, or `login:branch` of a fork."""
        told = {"head": head, "base": base or self.github.branch, "title": title, "body": body, "draft": draft}
        return int(self.do("POST", "pulls", told)["number"])

    def label(self, number: int, name: str) -> None:
        """Set a label."""
        self.do("POST", f"issues/{number}/labels", {"labels": [name]})

    def unlabel(self, number: int, name: str) -> None:
        """Take it away."""
        self.do("DELETE", f"issues/{number}/labels/{name}")

    def comment(self, number: int, body: str) -> int:
        """Say something; the comment's number."""
        return int(self.do("POST", f"issues/{number}/comments", {"body": body})["id"])

    def approve(self, number: int) -> None:
        """Review it, and let it pass."""
        self.do("POST", f"pulls/{number}/reviews", {"event": "APPROVE"})

    def merge(self, number: int, method: str = "merge") -> str:
        """The commit that it makes."""
        return str(self.do("PUT", f"pulls/{number}/merge", {"merge_method": method})["sha"])

    def close(self, number: int) -> None:
        """Close it without a merge."""
        self.do("PATCH", f"pulls/{number}", {"state": "closed"})

    def reopen(self, number: int) -> None:
        """Open it again."""
        self.do("PATCH", f"pulls/{number}", {"state": "open"})

    # workflows

    def dispatch(self, workflow: str, inputs: Mapping[str, str] | None = None, ref: str | None = None) -> None:
        """Start a workflow by hand."""
        told = {"ref": ref or self.github.branch, "inputs": dict(inputs or {})}
        self.do("POST", f"actions/workflows/{workflow}/dispatches", told)


def _git(folder: Path, *words: str, environment: Mapping[str, str] | None = None) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env = clean | ENVIRONMENT | dict(environment or {})
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        raise GitError(done.stderr.strip())
    return done.stdout.strip()
