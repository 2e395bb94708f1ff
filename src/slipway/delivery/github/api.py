"""GitHub's REST API, asked with a workflow's own token: https://docs.github.com/en/rest.

(`delivery/repository/gh.py` is for what a person sets up once.)
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Self
from urllib.parse import quote

import requests

from slipway.errors import UserError

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
TIMEOUT = (10, 60)  # seconds: to connect, and between two bytes of an answer
TRIES = 5
LONGEST_WAIT = 180.0  # seconds that all waits of one request may take together
# what GitHub asks for where it names no time
SECONDARY_WAIT = 60.0
# an answer that says nothing of whether the request was carried out
UNCERTAIN = (500, 502, 503, 504)
# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
LIMITED = re.compile(r"rate limit|abuse detection", re.IGNORECASE)

Body = dict[str, Any]
Look = Callable[[], Any]


class GitHubError(UserError):
    """GitHub says no: `status` is HTTP's, 0 where there was no answer, `reason` what GitHub says."""

    def __init__(self, message: str, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


def again() -> None:
    """A `look` for a POST that may be sent twice, as those of git's objects, which are named by what they hold."""


class GitHub:
    """One repository, and whoever the token belongs to; `wait` sleeps a number of seconds.

    A path is the repository's ("pulls/12"), or begins with `/` ("/user"). What fails is a GitHubError. An answer of
    GitHub's that is lost in a fault is asked for again; a POST is sent again only where `look` finds that the first one
    did nothing (it returns what the POST would have, else None), and is an error without `look`.
    """

    def __init__(
        self,
        repository: str,
        token: str,
        url: str = "https://api.github.com",
        server: str = "https://github.com",
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        if not REPOSITORY.fullmatch(repository):
            raise UserError(f"GITHUB_REPOSITORY={repository!r}: must be OWNER/NAME.")
        self.repository, self.api, self.server, self.wait = repository, url.rstrip("/"), server.rstrip("/"), wait
        self._session = requests.Session()

        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            return request

        # as a function, for requests would put what a .netrc says before a mere header
        self._session.auth = sign
        self._session.headers["Accept"] = "application/vnd.github+json"
        self._session.headers["X-GitHub-Api-Version"] = "2022-11-28"
        self._session.headers["User-Agent"] = "slipway"

    @classmethod
    def from_environment(cls) -> Self:
        """As the environment of a workflow's step says. Raises UserError where it says no repository or token."""
        for name in ("GITHUB_REPOSITORY", "GITHUB_TOKEN"):
            if not os.environ.get(name):
                raise UserError(f"{name} is not set: a workflow runs this, with `env: GITHUB_TOKEN`.")
        return cls(
            os.environ["GITHUB_REPOSITORY"],
            os.environ["GITHUB_TOKEN"],
            os.environ.get("GITHUB_API_URL") or "https://api.github.com",
            os.environ.get("GITHUB_SERVER_URL") or "https://github.com",
        )

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{self.server}/{self.repository}"

    def get(self, path: str, **query: Any) -> Any:
        """What is there."""
        return body_of(self.send("GET", path, query=query))

    def find(self, path: str, **query: Any) -> Any | None:
        """What is there, or None where nothing is."""
        try:
            return self.get(path, **query)
        except GitHubError as error:
            if error.status == 404:
                return None
            raise

    def post(self, path: str, body: Body | None = None, look: Look | None = None, **query: Any) -> Any:
        """Make something; `look` finds what an earlier try made."""
        return self._answer(self.send("POST", path, body or {}, look, query))

    def patch(self, path: str, body: Body, **query: Any) -> Any:
        """Change something."""
        return self._answer(self.send("PATCH", path, body, again, query))

    def put(self, path: str, body: Body | None = None, **query: Any) -> Any:
        """Set something."""
        return self._answer(self.send("PUT", path, body or {}, again, query))

    def delete(self, path: str, body: Body | None = None, **query: Any) -> Any:
        """Remove something; what is not there (any more) is removed."""
        try:
            return self._answer(self.send("DELETE", path, body, again, query))
        except GitHubError as error:
            if error.status == 404:
                return None
            raise

    def pages(self, path: str, key: str | None = None, **query: Any) -> Iterator[Any]:
        """Each of a list that comes page by page; `key` is where an answer that is no list holds it."""
        page = 1
        while True:
            response = self.send("GET", path, query={"per_page": 100, **query, "page": page})
            found = body_of(response)
            yield from found if key is None else found[key]
            if "next" not in response.links:
                return
            page += 1

    def send(
        self, method: str, path: str, body: Body | None = None, look: Look | None = None, query: Body | None = None
    ) -> Any:
        """GitHub's response, or what `look` found, after as many tries as it takes."""
        url = f"{self.api}{path}" if path.startswith("/") else f"{self.api}/repos/{self.repository}/{path}".rstrip("/")
        left = LONGEST_WAIT
        for tried in range(1, TRIES + 1):
            limited: float | None = None
            try:
                # a redirect would turn a POST into a GET
                response = self._session.request(
                    method, url, params=query, json=body, timeout=TIMEOUT, allow_redirects=method == "GET"
                )
            except requests.RequestException as error:
                why = f"GitHub cannot be reached ({type(error).__name__})"
                said = GitHubError(f"{method} {path}: {why}: run the job again.")
            else:
                if response.status_code < 300:
                    return response
                said, limited = refusal(f"{method} {path}", response), pause(response)
                if limited is None and response.status_code not in UNCERTAIN:
                    raise said
            unsure = limited is None
            seconds = 2.0**tried if limited is None else limited
            if tried == TRIES or seconds > left or (unsure and method == "POST" and look is None):
                raise said
            left -= seconds
            self.wait(seconds)
            if unsure and look is not None and (found := look()) is not None:
                return found
        raise AssertionError("the last try returns or raises")

    def _answer(self, found: Any) -> Any:
        return body_of(found) if isinstance(found, requests.Response) else found


def body_of(response: requests.Response) -> Any:
    """What an answer holds; None for one without a body."""
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise GitHubError(f"{response.url}: GitHub's answer is no JSON.", response.status_code) from error


def pause(response: requests.Response) -> float | None:
    """How many seconds GitHub asks to wait where it limits requests; None where it does not."""
    if response.status_code not in (403, 429):
        return None
    told, headers = response.headers.get("Retry-After", ""), response.headers
    if told.isdecimal():
        return float(told)
    if headers.get("X-RateLimit-Remaining") == "0" and headers.get("X-RateLimit-Reset", "").isdecimal():
        return max(1.0, float(headers["X-RateLimit-Reset"]) - time.time() + 1)
    return SECONDARY_WAIT if response.status_code == 429 or LIMITED.search(reason_of(response)) else None


def refusal(what: str, response: requests.Response) -> GitHubError:
    """The error for an answer, in words."""
    status, reason = response.status_code, reason_of(response)
    words = f"{what}: GitHub says {status}: {reason}."
    if status == 401:
        words = f"{what}: GitHub does not know the token ({reason}): it ends with its job. Run the job again."
    elif (seconds := pause(response)) is not None:
        words += f" It asks to wait {seconds:.0f} s: run the job again then."
    elif status == 403 and (needed := response.headers.get("X-Accepted-GitHub-Permissions")):
        words += f" The job's `permissions:` must hold {needed}."
    elif 300 <= status < 400:
        words = f"{what}: GitHub sends elsewhere ({status}): the repository was renamed or moved. Run the job again."
    return GitHubError(words, status, reason)


def reason_of(response: requests.Response) -> str:
    """Why GitHub says no, in its words."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return " ".join(response.text.split())[:200] or response.reason or "no reason given"
    told = body.get("errors") if isinstance(body.get("errors"), list) else []
    errors = [
        str(each.get("message") or each.get("code") or "") if isinstance(each, dict) else str(each)
        for each in told or []
    ]
    return "; ".join(filter(None, [str(body.get("message", "")).rstrip("."), *errors]))[:500] or "no reason given"


def segment(text: str) -> str:
    """One part of a path, whatever it holds; a branch keeps its slashes."""
    return quote(text, safe="/")
