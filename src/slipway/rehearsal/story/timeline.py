"""What happens in a rehearsal, as it happens: an act, its steps, each with a tick, a duration and what shows it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from slipway.errors import UserError

GOOD, BAD, NO = "✓", "✗", "○"
LONGEST = 120


class BrokenError(UserError):
    """The story went otherwise than it should."""


@dataclass
class Step:
    """One thing that happens; `evidence` is the line that shows it, `details` are what a reader may open.

    `good` is None as long as it lasts, for a check that says no where it may, and for what was not replayed.
    """

    name: str
    seconds: float = 0.0
    good: bool | None = None
    evidence: str = ""
    details: str = ""

    def shows(self, evidence: str, details: str = "") -> None:
        """Say what shows that it happened."""
        self.evidence, self.details = " ".join(evidence.split()), details


@dataclass
class Act:
    """A part of the story: `seconds` from its start to its end, once it is over; `broken` says why it broke off."""

    name: str
    steps: list[Step] = field(default_factory=list)
    seconds: float = 0.0
    broken: str = ""

    @property
    def good(self) -> bool:
        """Whether it went to its end, and each step as it should."""
        return not self.broken and not any(step.good is False for step in self.steps)


def shortened(evidence: str) -> str:
    """As much of it as a line holds; the record has the rest."""
    return evidence if len(evidence) <= LONGEST else f"{evidence[: LONGEST - 1]}…"


class Timeline:
    """The acts so far; each step is printed when it ends, and the one that goes on is shown with a spinner."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.acts: list[Act] = []
        self._began = time.monotonic()

    @contextmanager
    def act(self, name: str) -> Iterator[Act]:
        """A part of the story, as long as the block lasts."""
        act = Act(name)
        self.acts.append(act)
        self.console.print()
        self.console.print(Text(name, "bold"))
        began = time.monotonic()
        try:
            yield act
        except BaseException as error:
            act.broken = str(error) or type(error).__name__
            raise
        finally:
            act.seconds = time.monotonic() - began

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A step of the last act. What it raises ends it with a cross, and goes on as BrokenError."""
        step = Step(name)
        self.acts[-1].steps.append(step)
        began = time.monotonic()
        try:
            with Live(Spinner("dots", Text(f" {name}")), console=self.console, transient=True):
                yield step
            step.good = True
        except Exception as error:
            step.good = False
            step.shows(str(error).splitlines()[-1] if str(error) else type(error).__name__, str(error))
            raise BrokenError(f"{self.acts[-1].name}: {name}: {error}") from error
        finally:
            step.seconds = time.monotonic() - began
            self.print(step)

    def print(self, step: Step) -> None:
        """A line for a step that has ended."""
        tick = Text(GOOD, "green") if step.good else Text(NO, "yellow") if step.good is None else Text(BAD, "bold red")
        line = Text("  ").append(tick).append(f" {step.seconds:6.1f} s  {step.name}")
        if step.evidence:
            line.append(f"  {shortened(step.evidence)}", "red" if step.good is False else "dim")
        self.console.print(line)

    @property
    def seconds(self) -> float:
        """How long it is since it began."""
        return time.monotonic() - self._began

    @property
    def good(self) -> bool:
        """Whether each act is good."""
        return all(act.good for act in self.acts)
