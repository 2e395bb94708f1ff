"""One request as an operation sees it, and what it may answer."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
API = "https://api.github.com"
SITE = "https://github.com"
DOCUMENTS = "https://docs.github.com/rest"


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, *errors: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors


NOT_FOUND = (404, "Not Found")
INVALID = (422, "Validation Failed")
NO_PERMISSION = (403, "Resource not accessible by integration")
NO_PERSONAL = (403, "Resource not accessible by personal access token")


@dataclass(frozen=True)
class Caller:
    """Who asks: a person with a role in the repository, or a job; a token may have permissions."""

    login: str
    role: str = "none"
    permissions: Mapping[str, str] | None = None
    is_job: bool = False  # its requests start no workflows at once, but by the two dispatches


@dataclass(frozen=True)
class Answer:
    """What is answered: a status, JSON or text, and headers."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What goes over the wire; nothing where there is no body."""
        if self.body is None:
            return ""
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


@dataclass(frozen=True)
class Call:
    """A request whose path and body fit GitHub's description."""

    caller: Caller
    words: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    accept: str = ""
    url: str = ""

    def number(self, name: str) -> int:
        """A parameter of the path that is a number."""
        return int(self.words[name])

    def page(self, items: Iterable[Any], key: str | None = None, most: int = 100) -> Answer:
        """A page of items, a bare list without a `key`, with the header Link as GitHub sets it."""
        found = list(items)
        size = min(int(self.query.get("per_page", 30)), most)
        number = int(self.query.get("page", 1))
        last = max(1, -(-len(found) // size))
        links = []
        if number > 1:
            links += [(1, "first"), (number - 1, "prev")]
        if number < last:
            links += [(number + 1, "next"), (last, "last")]
        rest = "&".join(f"{name}={value}" for name, value in self.query.items() if name != "page")
        told = [f'<{self.url}?{rest}{"&" if rest else ""}page={page}>; rel="{name}"' for page, name in links]
        headers = {"Link": ", ".join(told)} if told else {}
        part = found[(number - 1) * size : number * size]
        return Answer(200, part if key is None else {"total_count": len(found), key: part}, headers)


def refusal(error: RefusedError) -> Answer:
    """GitHub's form of an error."""
    body: Json = {"message": error.message, "documentation_url": DOCUMENTS}
    if error.errors:
        body["errors"] = list(error.errors)
    return Answer(error.status, body | {"status": str(error.status)})


def known(found: Mapping[Any, Any], key: Any) -> Any:
    """What stands under the key; 404 without it."""
    if key not in found:
        raise RefusedError(*NOT_FOUND)
    return found[key]
