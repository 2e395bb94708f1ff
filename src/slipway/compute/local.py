"""Trains on this machine, in a process that outlives whoever started it: a job that is orphaned is found again.

Under `.slipway/jobs/HASH`: `ml/` is the folder of the job, as a container sees /opt/ml; `lock` is held by the worker as
long as it lives, whatever ends it; `pid` is its process; `log-N.txt` what attempt N said; `waiting/` says for each
folder of results which process waits to fill it.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from slipway.compute.backend import Attempt, Inputs, Status
from slipway.compute.folder import JobFolder, job_name, try_lock
from slipway.errors import UserError
from slipway.files import whole_folder
from slipway.training.layout import Job

LOOK_SECONDS = 0.1
SHOWN = 20  # lines of the log that an error shows
# what trains in a folder whose path is the last argument
WORKER = (sys.executable, "-m", "slipway.training.launch")


class Local:
    """The backend `local`, and with another `worker` every other that trains on this machine."""

    ends_with_wait = True

    def __init__(self, folder: JobFolder, worker: Sequence[str] = WORKER, choice: str = "compute=local") -> None:
        self.folder, self.layout = folder, folder.layout
        self.worker, self.choice = worker, choice

    @property
    def attempts(self) -> int:
        """How often the job was started."""
        return len(list(self.folder.path.glob("log-*.txt")))

    @property
    def name(self) -> str:
        """The name of the last attempt."""
        return job_name(self.folder.hash, self.attempts)

    @property
    def log(self) -> Path:
        """What the last attempt said."""
        return self.folder.path / f"log-{self.attempts}.txt"

    def status(self) -> Status:
        """absent, running, done, failed (it left a reason) or stopped (it can go on)."""
        return "running" if self.running() else self._ended()

    def running(self) -> bool:
        """Whether the job has a worker, or someone is about to start it; unlike `status`, reads no result."""
        if not self._lock_file.is_file():
            return False
        with self._lock_file.open("rb") as file:
            # who only looks shares the lock with others who look
            return not try_lock(file, fcntl.LOCK_SH)

    def submit(self, job: Job, inputs: Inputs) -> bool:
        """Start the job unless it runs or is done; returns whether it was started.

        The inputs are taken along: what DVC does to the project later is not seen.
        """
        with self._lock() as lock:
            if lock is None or self._ended() == "done":
                return False
            self._pid.unlink(missing_ok=True)  # whoever stops the job must not find the last one's
            for name, source in (("prepared", inputs.prepared), ("encoder", inputs.encoder)):
                if source is not None:
                    with whole_folder(self.layout.channel(name)) as fresh:
                        shutil.copytree(source, fresh, dirs_exist_ok=True, copy_function=link_or_copy)
            self.layout.write_job(job)
            self.layout.failure.unlink(missing_ok=True)
            with (self.folder.path / f"log-{self.attempts + 1}.txt").open("wb") as log:
                # the shell writes the number down and becomes the worker: there is no worker without its number
                shell = ["sh", "-c", 'echo $$ > "$1" && shift && exec "$@"', "sh", str(self._pid)]
                self._process = subprocess.Popen(
                    [*shell, *self.worker, str(self.layout.root)],
                    env=os.environ | {"MLFLOW_TRACKING_URI": inputs.tracking_uri or ""},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # it inherits the lock, which is free when the last process that has it is gone
                    pass_fds=[lock],
                    # not the terminal's Ctrl-C, nor the end of the terminal
                    start_new_session=True,
                )
            return True

    def follow(self, attempt: int | None = None) -> Iterator[str]:
        """The lines of an attempt's log (None: the last one's) as they come, until its worker is gone."""
        while not self.attempts and self.running():
            time.sleep(LOOK_SECONDS)  # another process is about to start it
        if not self.attempts:
            return  # it did not come to that
        path = self.folder.path / f"log-{attempt or self.attempts}.txt"
        with path.open(encoding="utf-8", errors="replace") as log:
            rest = ""
            while True:
                running = attempt in (None, self.attempts) and self.running()
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
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    os.kill(int(number), signal.SIGTERM)
                return
            time.sleep(LOOK_SECONDS)  # another process is about to start it

    def collect(self) -> None:
        """Make sure that the result is there. Raises UserError with the reason or the log's end where it is not."""
        if (status := self.status()) == "done":
            return
        log = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.attempts else []
        reason = self.layout.failure.read_text(encoding="utf-8") if status == "failed" else "\n".join(log[-SHOWN:])
        raise UserError(f"{self.name} {status}: {reason.strip() or 'it left no word'}")

    def attempt(self) -> Attempt | None:
        """The last attempt; None where there was none."""
        if not self.attempts or not self._pid.is_file():
            return None
        began = self._pid.stat().st_mtime
        ended = time.time() if self.running() else self.log.stat().st_mtime
        started = datetime.fromtimestamp(began, UTC)
        return Attempt(self.name, "here", self.status(), started, max(0.0, ended - began), None)

    @property
    def _lock_file(self) -> Path:
        return self.folder.path / "lock"

    @property
    def _pid(self) -> Path:
        return self.folder.path / "pid"

    def _ended(self) -> Status:
        """What a job is that does not run; one whose result was damaged goes on from its checkpoint."""
        if self.layout.done():
            return "done"
        return "absent" if not self.attempts else "failed" if self.layout.failure.is_file() else "stopped"

    @contextmanager
    def _lock(self) -> Iterator[int | None]:
        """The lock's file descriptor, held; None where a worker has it."""
        self.folder.path.mkdir(parents=True, exist_ok=True)
        with self._lock_file.open("ab") as file:
            while not try_lock(file, fcntl.LOCK_EX):
                if self.running():
                    yield None
                    return
            yield file.fileno()


def link_or_copy(source: str, target: str) -> str:
    """A second name for a file, where the file system has that: nothing of ours writes into a file that stands."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copyfile(source, target)
    return target
