"""The one comment of a pull request, by the workflows' bot, and the state that it ends with."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from slipway.compute.folder import PROJECT
from slipway.config.section import Section
from slipway.delivery.github.api import GitHub

BOT = "github-actions[bot]"
MARK = "<!-- slipway -->"
STATE = re.compile(r"<!-- slipway-state: ([A-Za-z0-9+/=]+) -->\s*\Z")
MOST = 65_536  # characters that GitHub takes; bytes are counted here, which are never fewer
MOST_STATE = 16_384  # characters
# how often the same is tried for a head (a job asked for, a report published) before it is left to people
MOST_ASKED = 3

Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
# what the form may choose of conf/compute
Word = Annotated[
    str,
    Field(
        pattern=r"^compute\.(instance_types=\[ml\.[a-z0-9-]{1,20}\.[a-z0-9]{1,20}\]|instance_count=[0-9]{1,2}"
        r"|spot=(true|false))$"
    ),
]
# waiting: asks for a job; training: has one; the others are the end of the commit's story
Status = Literal["waiting", "training", "reported", "failed", "stopped"]


class State(Section):
    """What a pull request waits for.

    `sha` is the head that it is about, `job` and `attempt` what trains it, `superseded` the hashes of jobs that it
    waited for before, and `asked` how often a job of this head was asked for, or its report published, in vain.
    """

    version: Literal[1] = 1
    sha: Sha
    job: Annotated[str, Field(pattern=rf"^{PROJECT}-[0-9a-f]{{16}}$")] | None = None
    attempt: int = Field(default=0, ge=0, le=100_000)
    status: Status = "waiting"
    compute: tuple[Word, ...] = Field(default=(), max_length=3)
    superseded: tuple[Hash, ...] = Field(default=(), max_length=20)
    cost_usd: float | None = Field(default=None, ge=0, le=1e9)
    asked: int = Field(default=0, ge=0, le=1000)

    @property
    def hash(self) -> str | None:
        """The job's hash."""
        return self.job and self.job.removeprefix(f"{PROJECT}-")

    @property
    def name(self) -> str | None:
        """The name of the job's attempt, as SageMaker knows it."""
        return self.job and f"{self.job}-{self.attempt}"

    def hashes(self) -> set[str]:
        """The jobs that it names, also those that are superseded."""
        return {*self.superseded, *filter(None, [self.hash])}

    def followed_by(self, sha: str, hash: str, attempt: int, cost_usd: float | None) -> "State":
        """The state once the job `hash` trains `sha`; the job before, if another, is superseded."""
        before = [each for each in (*self.superseded, *filter(None, [self.hash])) if each != hash]
        return self.model_copy(
            update={
                "sha": sha,
                "job": f"{PROJECT}-{hash}",
                "attempt": attempt,
                "status": "training",
                "superseded": tuple(dict.fromkeys(reversed(before)))[:20][::-1],
                "cost_usd": cost_usd,
                "asked": 0,
            }
        )


@dataclass(frozen=True)
class Sticky:
    """The comment that is there; `state` is None where it holds none that can be read."""

    number: int
    url: str
    text: str
    state: State | None


def find(github: GitHub, number: int) -> Sticky | None:
    """The comment of the pull request `number`: the oldest that the bot wrote with our mark."""
    for comment in github.pages(f"issues/{number}/comments"):
        if is_ours(comment):
            text = str(comment["body"])
            return Sticky(int(comment["id"]), str(comment["html_url"]), text, read(text))
    return None


def write(github: GitHub, number: int, body: str, state: State) -> Sticky:
    """Make the comment of the pull request `number` say this: it is edited where there is one, else made."""
    text = f"{MARK}\n{body.strip()}\n\n{written(state)}"
    assert len(text.encode()) < MOST, "a comment that is too long was made"
    found = find(github, number)
    if found is None:
        made = github.post(f"issues/{number}/comments", {"body": text}, look=lambda: find(github, number))
        found = find(github, number)
        # of two who began one at once, the older stays
        if found is not None and isinstance(made, dict) and int(made["id"]) != found.number:
            github.delete(f"issues/comments/{made['id']}")
    if found is None or same(found.text, text):
        return found or Sticky(int(made["id"]), str(made["html_url"]), text, state)
    github.patch(f"issues/comments/{found.number}", {"body": text})
    return Sticky(found.number, found.url, text, state)


def body_of(text: str) -> str:
    """What a comment says between its mark and its state."""
    return STATE.sub("", text).removeprefix(MARK)


def same(first: str, second: str) -> bool:
    """Whether two texts differ in nothing but how their lines end."""
    return first.replace("\r\n", "\n").strip() == second.strip()


def is_ours(comment: dict[str, Any]) -> bool:
    """Whether the bot wrote it, with our mark; what anyone else writes is no state."""
    user = comment.get("user") or {}
    return user.get("login") == BOT and user.get("type") == "Bot" and str(comment.get("body")).startswith(MARK)


def written(state: State) -> str:
    """The state as a comment ends with it."""
    text = base64.b64encode(state.model_dump_json().encode()).decode()
    return f"<!-- slipway-state: {text} -->"


def read(text: str) -> State | None:
    """The state that a comment ends with, or None where it is damaged or missing."""
    found = STATE.search(text)
    if found is None or len(found[1]) > MOST_STATE:
        return None
    try:
        return State.model_validate_json(base64.b64decode(found[1], validate=True))
    except (ValidationError, binascii.Error, ValueError):
        return None
