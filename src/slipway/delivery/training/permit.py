"""Who may let a pull request train: it costs money, and runs the pull request's code in AWS."""

import os
import shlex
from typing import Any

from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub, segment
from slipway.delivery.github.pulls import LABEL, Pull, pull
from slipway.delivery.github.sticky import BOT
from slipway.errors import UserError

WRITERS = ("admin", "write")  # GitHub counts `maintain` as write here, and `triage` as read


def number_of(event: dict[str, Any]) -> int:
    """The pull request that a run is about: PULL_REQUEST's, the event's, or its input `pull_request`.

    Raises UserError where there is none.
    """
    inputs = event.get("inputs") or {}
    told = os.environ.get("PULL_REQUEST") or (event.get("pull_request") or {}).get("number")
    told = str(told or inputs.get("pull_request") or "").strip()
    if not told.isascii() or not told.isdecimal() or len(told) > 9:
        raise UserError(f"no pull request is named ({told!r}): the event has one, or its input `pull_request`.")
    return int(told)


def permitted(github: GitHub, number: int, event: dict[str, Any]) -> Pull:
    """The pull request `number`, which may train. Raises UserError where it may not, or who asks may not let it."""
    found = pull(github, number)
    if not found.home:
        raise UserError(
            f"#{number} comes from a fork, whose code gets no rights in AWS: someone with write rights may push its "
            "branch to this repository, read what it does, and open a pull request of that."
        )
    if not found.is_open:
        raise UserError(f"#{number} is closed: open it again, and it may train.")
    if LABEL not in found.labels:
        raise UserError(f"#{number} does not have the label {LABEL}: set it, and it trains.")
    people = {os.environ.get("GITHUB_ACTOR"), os.environ.get("GITHUB_TRIGGERING_ACTOR")}
    people.add((event.get("sender") or {}).get("login"))
    for person in sorted(filter(None, people)):
        # the sweep of this repository asks for what someone has labelled before
        if person != BOT or os.environ.get("GITHUB_EVENT_NAME") != "workflow_dispatch":
            check_rights(github, person)
    # who may push may not know who set it
    check_label(github, number)
    return found


def check_label(github: GitHub, number: int) -> None:
    """Raise UserError unless who set the label last may write; the bot sets it for the form, which writers fill in."""
    person = ""
    for each in github.pages(f"issues/{number}/events"):
        if each["event"] == "labeled" and each["label"]["name"] == LABEL:
            person = str((each["actor"] or {}).get("login", "ghost"))
    if not person:
        raise UserError(f"#{number}: GitHub does not say who set the label {LABEL}: take it off, and set it again.")
    if person != BOT:
        who = f"{person} set the label {LABEL} of #{number}; someone who has them must take it off and set it again."
        check_rights(github, person, who)


def check_rights(github: GitHub, person: str, mend: str = "") -> None:
    """Raise UserError unless someone may write to the repository; `mend` says what would mend it."""
    found = github.find(f"collaborators/{segment(person)}/permission") or {}
    if found.get("permission") not in WRITERS:
        raise UserError(
            f"{person} has no write rights in {github.repository} ({found.get('permission', 'none')}), and training "
            f"costs money: {mend or f'someone who has them may take the label {LABEL} off and set it again.'}"
        )


def overrides(github: GitHub, number: int) -> str:
    """SLIPWAY_OVERRIDES for the submission: what the form chose, and the number as a tag of the job."""
    there = sticky.find(github, number)
    chosen = there.state.compute if there and there.state else ()
    return shlex.join([*chosen, f"compute.tags.pull-request={number}"])
