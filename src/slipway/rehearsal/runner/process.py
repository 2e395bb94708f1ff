"""A process of a step: in a session of its own, its words line by line, and stopped as GitHub's runner stops it."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

STREAMS_CLOSE_WITHIN = 1.0  # seconds, after the end of the process, for what it left in the background


class Process:
    """Starts at once; `say` takes each line of standard output and error. Raises OSError where it cannot start."""

    def __init__(
        self, words: Sequence[str], folder: Path, environment: dict[str, str], say: Callable[[str], None]
    ) -> None:
        self.stopped = False
        self._say, self._ended = say, Event()
        self._process = subprocess.Popen(
            words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._reading = Thread(target=self._read, daemon=True)
        self._reading.start()

    def wait(self, seconds: float | None, grace: tuple[float, float]) -> int | None:
        """The exit code, or None where it took longer than `seconds` and was stopped."""
        try:
            code: int | None = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop(grace)
            code = None
        self._ended.set()
        self._reading.join(STREAMS_CLOSE_WITHIN)
        return code

    def stop(self, grace: tuple[float, float]) -> None:
        """SIGINT, after `grace[0]` seconds SIGTERM, after `grace[1]` more SIGKILL to all of its session."""
        self.stopped = True
        for number, seconds in zip((signal.SIGINT, signal.SIGTERM), grace, strict=True):
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._say(line.decode("utf-8", "replace").rstrip("\r\n"))
