"""What was found of one thing."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a thing stands, by the sign that is printed for it."""

    GOOD = "✓"
    BAD = "✗"
    UNKNOWN = "?"


@dataclass(frozen=True)
class Finding:
    """In words; `mend` is a command, or what a person does, and empty where nothing is to be mended."""

    state: State
    said: str
    mend: str = ""


def good(said: str) -> Finding:
    """It is as it should be."""
    return Finding(State.GOOD, said)


def bad(said: str, mend: str) -> Finding:
    """It is not, and this mends it."""
    return Finding(State.BAD, said, mend)


def unknown(said: str, mend: str = "") -> Finding:
    """It could not be looked at, or matters to some alone."""
    return Finding(State.UNKNOWN, said, mend)
