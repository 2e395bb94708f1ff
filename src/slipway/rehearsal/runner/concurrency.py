"""Concurrency groups: one runs, one waits, and a third takes the place of the one that waits.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import Any, Protocol

from slipway.rehearsal.runner.language import text

OUSTED = "Canceling since a higher priority waiting request"


class Member(Protocol):
    """A run or a job."""

    def cancel(self, reason: str) -> None:
        """Ask it to end, whether it waits or runs."""

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to end."""


@dataclass(frozen=True)
class Concurrency:
    """A `concurrency` key, evaluated; without a group there is none."""

    group: str = ""
    cancel_in_progress: bool = False
    many: bool = False  # `queue: max`: all wait, none is replaced

    @classmethod
    def of(cls, given: Any) -> "Concurrency":
        """From the evaluated value: a name, or a mapping."""
        if isinstance(given, dict):
            return cls(text(given["group"]), bool(given.get("cancel-in-progress")), given.get("queue") == "max")
        return cls(text(given))


class Groups:
    """All groups of a repository. Names are the same in any case of letters."""

    def __init__(self) -> None:
        self._running: dict[str, Member] = {}
        self._waiting: dict[str, list[Member]] = {}
        self._changed = Condition()

    def join(self, concurrency: Concurrency, member: Member) -> None:
        """Stand in the line of a group, as the moment of the call decides; `turn` then waits."""
        name, group = concurrency.group.lower(), concurrency.group
        if not name:
            return
        with self._changed:
            waiting = self._waiting.setdefault(name, [])
            if not concurrency.many:
                for other in list(waiting):
                    other.cancel(f"{OUSTED} for {group} exists")
                waiting.clear()
            waiting.append(member)
            if concurrency.cancel_in_progress and name in self._running:
                self._running[name].cancel(f"{OUSTED} for {group} exists")
            self._next(name)

    @contextmanager
    def turn(self, concurrency: Concurrency, member: Member) -> Iterator[bool]:
        """Wait until it is the member's turn; False where it was cancelled before."""
        name = concurrency.group.lower()
        if not name:
            yield not member.cancelled
            return
        with self._changed:
            self._changed.wait_for(lambda: member.cancelled or self._running.get(name) is member)
        try:
            yield not member.cancelled
        finally:
            with self._changed:
                if self._running.get(name) is member:
                    del self._running[name]
                if member in self._waiting[name]:
                    self._waiting[name].remove(member)
                self._next(name)

    def wake(self) -> None:
        """Look again who waits: someone was cancelled."""
        with self._changed:
            self._changed.notify_all()

    def _next(self, name: str) -> None:
        if name not in self._running and self._waiting[name]:
            self._running[name] = self._waiting[name].pop(0)
        self._changed.notify_all()
