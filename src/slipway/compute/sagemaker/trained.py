"""What became of an attempt at a training job, and what it cost."""

from dataclasses import dataclass
from typing import Literal

# absent: AWS knows no attempt; again: it ended by no fault of its own, and may be tried again
Fate = Literal["absent", "running", "done", "again", "failed", "stopped"]


@dataclass(frozen=True)
class Trained:
    """An attempt: `limit_seconds` is how long it may run, `most_usd` what that costs, `usd` what it was billed.

    Costs are in US dollars, None where no price is known; times in seconds, of what was so far.
    """

    name: str
    hash: str
    attempt: int
    fate: Fate
    why: str
    machines: str
    spot: bool
    limit_seconds: int
    most_usd: float | None
    seconds: float
    billed_seconds: float
    usd: float | None
