"""The folder `.slipway/jobs/HASH` of one job: its result, once it is here, and who waits for it."""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from slipway.errors import UserError
from slipway.files import whole_folder, write_whole
from slipway.training.layout import DONE, FILES, Layout

PROJECT = "slipway"
NAME = re.compile(r"(?P<project>[\w-]+)-(?P<hash>[0-9a-f]{16})-(?P<attempt>\d+)")


class JobFolder:
    """What this project keeps of the job `hash`; `state` is the project's .slipway folder."""

    def __init__(self, hash: str, state: Path) -> None:
        self.hash = hash
        self.path = state / "jobs" / hash
        self.layout = Layout(self.path / "ml")

    def done(self) -> bool:
        """Whether the result is here, and as the job left it."""
        return self.layout.done()

    def claim(self, target: Path) -> None:
        """Say that this process waits to fill `target`: the last one to say so will."""
        write_whole(self._waiting(target), str(os.getpid()))

    def deliver(self, target: Path) -> bool:
        """Put the result at `target`, whole; returns false, having done nothing, where another process claimed it."""
        with self._waiting(target).open("rb") as claimed:
            # an orphan must not write where the run that took its place does
            fcntl.flock(claimed, fcntl.LOCK_EX)
            if self._waiting(target).read_text() != str(os.getpid()):
                return False
            with whole_folder(target) as fresh:
                for name in (*FILES, DONE):
                    shutil.copyfile(self.layout.model / name, fresh / name)
        return True

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keep other processes of this project out of the block; `name` says what is locked."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / f"{name}.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _waiting(self, target: Path) -> Path:
        return self.path / "waiting" / hashlib.sha256(str(target.resolve()).encode()).hexdigest()[:16]


def job_name(hash: str, attempt: int) -> str:
    """What an attempt is called, here and on SageMaker."""
    return f"{PROJECT}-{hash}-{attempt}"


def parse_name(name: str) -> tuple[str, int]:
    """The hash and the number of the attempt that `job_name` made a name of. Raises UserError for any other text."""
    found = NAME.fullmatch(name)
    if found is None or found["project"] != PROJECT:
        raise UserError(
            f"{name!r} is no name of a job ({PROJECT}-HASH-ATTEMPT): `slipway jobs` lists them.",
        )
    return found["hash"], int(found["attempt"])


def try_lock(file: BinaryIO, kind: int) -> bool:
    """Whether the lock could be had at once; it is given back when the file is closed."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
