"""Figures of variants that take turns: medians of the rounds' own ratios, each beside its range and its goal."""

import json
import os
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeVar

from rich.progress import track

FIGURES = Path(".slipway") / "benchmarks"
One = TypeVar("One")
Measured = TypeVar("Measured")


class Spread(NamedTuple):
    """Median, least and greatest."""

    median: float
    least: float
    greatest: float


@dataclass(frozen=True)
class Goal:
    """What a figure must be at most, or with `at_least` at least."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value keeps it."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


def spread(values: Sequence[float]) -> Spread:
    """Of the rounds' values."""
    return Spread(median(values), min(values), max(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Of the ratios round by round: what slows a whole round cancels out."""
    return spread([left / right for left, right in zip(over, under, strict=True)])


def cells(found: Spread, goal: Goal | None = None, form: str = ".2f") -> tuple[str, str, str]:
    """Figure, range, and goal with MISSED where it was missed."""
    told = "" if goal is None else f"{goal}{'' if goal.met(found.median) else ' MISSED'}"
    return f"{found.median:{form}}", f"{found.least:{form}} to {found.greatest:{form}}", told


def rounds(what: str, count: int, ones: Sequence[One], measure: Callable[[One], Measured]) -> list[list[Measured]]:
    """One measurement of each of `ones` a round, in their order; each round begins with another one."""
    found = []
    for turn in track(range(count), what, transient=True):
        places = [(turn + step) % len(ones) for step in range(len(ones))]
        done = {place: measure(ones[place]) for place in places}
        found.append([done[place] for place in range(len(ones))])
    return found


def machine() -> str:
    """The processor, its cores, and the system."""
    cpus = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpus.read_text()) if cpus.is_file() else []
    cpu = names[0] if names else platform.processor() or platform.machine()
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def record(what: dict[str, Any], path: Path) -> None:
    """Write figures as JSON, and say where."""
    facts = {"date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts | what, indent=2) + "\n", encoding="utf-8")
    print(f"all runs: {path}")
