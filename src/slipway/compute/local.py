"""Trains on this machine, in a process that outlives whoever started it: a job that is orphaned is found again.

Under `.slipway/jobs/HASH`: `ml/` is the folder of the job, as a container sees /opt/ml; `lock` is held by the worker as
long as it lives, whatever ends it; `pid` is its process; `log-N.txt` what attempt N said; `waiting/` says for each
folder of results which process waits to fill it.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from slipway.errors import UserError
from slipway.files import whole_folder, write_whole
from slipway.training.layout import DONE, FILES, Job, Layout

LOOK_SECONDS = 0.1
SHOWN = 20  # lines of the log that an error shows


class Local:
    """The backend `local`; `state` is the project's .slipway folder."""

    def __init__(self, job: Job, state: Path) -> None:
        self.job = job
        self.folder = state / "jobs" / job.hash
        self.layout = Layout(self.folder / "ml")

    @property
    def attempts(self) -> int:
        """How often the job was started."""
        return len(list(self.folder.glob("log-*.txt")))

    @property
    def name(self) -> str:
        """The name of the last attempt."""
        return f"slipway-{self.job.hash}-{self.attempts}"

    @property
    def log(self) -> Path:
        """What the last attempt said."""
        return self.folder / f"log-{self.attempts}.txt"

    def status(self) -> str:
        """absent, running, done, failed (it left a reason) or stopped (it can go on)."""
        return "running" if self.running() else self._ended()

    def running(self) -> bool:
        """Whether the job has a worker, or someone is about to start it; unlike `status`, reads no result."""
        if not (self.folder / "lock").is_file():
            return False
        with (self.folder / "lock").open("rb") as file:
            # who only looks shares the lock with others who look
            return not try_lock(file, fcntl.LOCK_SH)

    def submit(self, prepared: Path, encoder: Path | None, tracking_uri: str | None) -> bool:
        """Start the job unless it runs or is done; returns whether it was started.

        `prepared` and `encoder` are taken along: what DVC does to the project later is not seen.
        """
        with self._lock() as lock:
            if lock is None or self._ended() == "done":
                return False
            for name, source in (("prepared", prepared), ("encoder", encoder)):
                if source is not None:
                    with whole_folder(self.layout.channel(name)) as fresh:
                        shutil.copytree(source, fresh, dirs_exist_ok=True, copy_function=link_or_copy)
            self.layout.write_job(self.job)
            self._pid.unlink(missing_ok=True)
            self.layout.failure.unlink(missing_ok=True)
            worker = [sys.executable, "-m", "slipway.training.entry", str(self.layout.root)]
            with (self.folder / f"log-{self.attempts + 1}.txt").open("wb") as log:
                # the shell writes the number down and becomes the worker: there is no worker without its number
                self._worker = subprocess.Popen(
                    ["sh", "-c", 'echo $$ > "$1" && shift && exec "$@"', "sh", self._pid, *worker],
                    env=os.environ | {"MLFLOW_TRACKING_URI": tracking_uri or ""},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # it inherits the lock, which is free when the last process that has it is gone
                    pass_fds=[lock],
                    # not the terminal's Ctrl-C, nor the end of the terminal
                    start_new_session=True,
                )
            return True

    def follow(self) -> Iterator[str]:
        """The lines of the last attempt's log as they come, until its worker is gone."""
        while not self.attempts and self.running():
            time.sleep(LOOK_SECONDS)  # another process is about to start it
        with self.log.open(encoding="utf-8", errors="replace") as log:
            rest = ""
            while True:
                running = self.running()
                rest += log.read()
                *lines, rest = rest.split("\n")
                yield from lines
                if not running:
                    if rest:
                        yield rest
                    return
                time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Ask the worker to leave a checkpoint and end; returns at once."""
        while self.running():
            if number := self._pid.read_text() if self._pid.is_file() else "":
                os.kill(int(number), signal.SIGTERM)
                return
            time.sleep(LOOK_SECONDS)  # another process is about to start it

    def claim(self, target: Path) -> None:
        """Say that this process waits to fill `target`: the last one to say so will."""
        write_whole(self._waiting(target), str(os.getpid()))

    def collect(self, target: Path) -> bool:
        """Put the result at `target`, whole; returns false, and does nothing, where another process claimed it since.

        Raises UserError where there is no result, with the reason or the log's end.
        """
        if (status := self.status()) != "done":
            log = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            reason = self.layout.failure.read_text(encoding="utf-8") if status == "failed" else "\n".join(log[-SHOWN:])
            raise UserError(f"{self.name} {status}: {reason.strip() or 'it left no word'}")
        with self._waiting(target).open() as claimed:
            # an orphan must not write where the run that took its place does
            fcntl.flock(claimed, fcntl.LOCK_EX)
            if self._waiting(target).read_text() != str(os.getpid()):
                return False
            with whole_folder(target) as fresh:
                for name in (*FILES, DONE):
                    shutil.copyfile(self.layout.model / name, fresh / name)
        return True

    @property
    def _pid(self) -> Path:
        return self.folder / "pid"

    def _waiting(self, target: Path) -> Path:
        return self.folder / "waiting" / hashlib.sha256(str(target.resolve()).encode()).hexdigest()[:16]

    def _ended(self) -> str:
        """What a job is that does not run; one whose result was damaged goes on from its checkpoint."""
        if self.layout.done():
            return "done"
        return "absent" if not self.attempts else "failed" if self.layout.failure.is_file() else "stopped"

    @contextmanager
    def _lock(self) -> Iterator[int | None]:
        """The lock's file descriptor, held; None where a worker has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("ab") as file:
            while not try_lock(file, fcntl.LOCK_EX):
                if self.running():
                    yield None
                    return
            yield file.fileno()


def try_lock(file: BinaryIO, kind: int) -> bool:
    """Whether the lock could be had at once; it is given back when the file is closed."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def link_or_copy(source: str, target: str) -> str:
    """A second name for a file, where the file system has that: nothing of ours writes into a file that stands."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
    return target
