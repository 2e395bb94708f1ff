"""What every place where a job may run can do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from slipway.training.layout import Job

# absent: never started; stopped: ended without a result or a reason, and can go on; failed: it left a reason
Status = Literal["absent", "running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class Inputs:
    """What a job reads besides what it is told, and the address of the server that tracks it."""

    prepared: Path
    encoder: Path | None
    tracking_uri: str | None


@dataclass(frozen=True)
class Attempt:
    """One attempt, as `slipway jobs` lists it; the cost is in US dollars, None where none is billed."""

    name: str
    where: str
    state: str
    started: datetime | None
    seconds: float | None
    usd: float | None


class Backend(Protocol):
    """The attempts at one job, in one place. What it raises is UserError."""

    # whether Ctrl-C ends the job as well as the wait for it
    ends_with_wait: bool
    # the word that chooses this backend
    choice: str

    @property
    def name(self) -> str:
        """The name of the last attempt."""

    def status(self) -> Status:
        """Where the last attempt stands."""

    def running(self) -> bool:
        """Whether it runs, or is about to."""

    def submit(self, job: Job, inputs: Inputs) -> bool:
        """Start the next attempt unless the last one runs or is done; returns whether it was started."""

    def follow(self, attempt: int | None = None) -> Iterator[str]:
        """The lines of an attempt's log as they come, until it has ended; None is the last one."""

    def stop(self) -> None:
        """Ask the last attempt to leave a checkpoint and end; returns at once."""

    def collect(self) -> None:
        """Bring the result into the job's folder. Raises UserError where there is none, with the reason."""
