"""Ends what a rehearsal started, whatever ended the rehearsal: `python -m slipway.rehearsal.sweep FOLDER`.

It waits for the end of its standard input, which is the rehearsal's own end, then kills and removes what is left.
"""

import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "REHEARSAL_ROOT"  # in the environment of all that runs for a folder
DIES_WITHIN = 10.0  # seconds, after the signal


def sweep(folder: Path) -> None:
    """Kill each process that runs for `folder` or for a folder under it, as the end of a container does.

    Returns once they have ended, or after `DIES_WITHIN` where one cannot.
    """
    killed = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if folder in (mark := Path(process.environ().get(MARK, ""))).parents or folder == mark:
                process.kill()
                killed.append(process)
    # not waited for as children are: their ends are for who started them to hear of
    deadline = time.monotonic() + DIES_WITHIN
    while any(map(runs, killed)) and time.monotonic() < deadline:
        time.sleep(0.01)


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended; one that has, and whose end nobody asked for, has."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


if __name__ == "__main__":
    sys.stdin.read()
    sweep(Path(sys.argv[1]))
    shutil.rmtree(sys.argv[1], ignore_errors=True)
