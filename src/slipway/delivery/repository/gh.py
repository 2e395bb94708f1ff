"""GitHub's REST API, asked by `gh` as whoever is logged in there: this project holds no token of a person's.

https://docs.github.com/en/rest
"""

import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import Any

from slipway.errors import UserError

# how GitHub says that the plan lacks something, with the status 403 or 422
PLAN = re.compile(r"billing plan|upgrade to github|make this repository public", re.IGNORECASE)

Body = dict[str, Any]


class LoginError(UserError):
    """`gh` does not know who asks."""


@dataclass(frozen=True)
class Request:
    """One request to GitHub's REST API."""

    method: str
    path: str
    body: Body | None = None

    def command(self) -> str:
        """The same as a line for a shell."""
        words = ["gh", "api", "--silent", "--method", self.method, self.path]
        if self.body and all(isinstance(value, str) for value in self.body.values()):
            return shlex.join(
                [*words, *(word for key, value in self.body.items() for word in ("-f", f"{key}={value}"))]
            )
        return f"echo {shlex.quote(json.dumps(self.body))} | {shlex.join([*words, '--input', '-'])}"


@dataclass(frozen=True)
class Answer:
    """What GitHub says to a request."""

    status: int
    body: Any

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return self.status < 400

    @property
    def plan_lacks_it(self) -> bool:
        """Whether the repository's plan has no such thing."""
        return self.status in (403, 404, 422) and bool(PLAN.search(self.message))

    @property
    def message(self) -> str:
        """Why it was not done, in GitHub's words."""
        body = self.body if isinstance(self.body, dict) else {}
        errors = [each.get("message", "") if isinstance(each, dict) else str(each) for each in body.get("errors") or []]
        return "; ".join(filter(None, [str(body.get("message", "")), *errors])) or "no reason given"


def ask(request: Request) -> Answer:
    """What GitHub answers through `gh`. Raises LoginError, and UserError where there is no answer."""
    # the roles trust github.com's jobs, wherever else someone is logged in; with GH_HOST gh would ask without a login
    words = ["gh", "api", "--hostname", "github.com", "--include", "--method", request.method, request.path]
    words += ["--header", "X-GitHub-Api-Version: 2022-11-28"]
    done = subprocess.run(
        words if request.body is None else [*words, "--input", "-"],
        input="" if request.body is None else json.dumps(request.body),
        env={name: value for name, value in os.environ.items() if name != "GH_HOST"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    found = re.match(r"HTTP/\S+ (\d{3}).*?\r?\n\r?\n(.*)", done.stdout, re.DOTALL)
    if done.returncode == 4 or (found and found[1] == "401"):
        raise LoginError("gh is not logged in to github.com: `gh auth login`")
    if not found:
        said = " ".join(done.stderr.split())
        raise UserError(f"GitHub does not answer gh ({said}): mend the connection, and do it again.")
    try:
        body = json.loads(found[2]) if found[2].strip() else None
    except json.JSONDecodeError:
        body = {"message": found[2].strip()[:200]}
    return Answer(int(found[1]), body)


def get(path: str) -> Any:
    """What is there, and None where nothing is, or the plan has no such thing. Raises UserError for another answer."""
    answer = ask(Request("GET", path))
    if answer.status == 404 or answer.plan_lacks_it:
        return None
    if not answer.good:
        raise UserError(f"GitHub does not show {path}: {answer.message} (HTTP {answer.status}).")
    return answer.body


def listed(path: str, key: str, size: int = 100) -> list[Body]:
    """All of a list that comes page by page."""
    found: list[Body] = []
    for page in range(1, 100):
        answer = get(f"{path}?per_page={size}&page={page}") or {}
        found += answer.get(key, [])
        if not answer.get(key) or len(found) >= answer["total_count"]:
            break
    return found
