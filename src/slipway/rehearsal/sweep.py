"""Ends what a rehearsal started, whatever ended the rehearsal: `python -m slipway.rehearsal.sweep FOLDER`.

It waits for the end of its standard input, which is the rehearsal's own end, then kills and removes what is left.
"""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "REHEARSAL_ROOT"  # in the environment of all that runs for a folder


def sweep(folder: Path) -> None:
    """Kill each process that runs for `folder` or for a folder under it, as the end of a container does."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if folder in (mark := Path(process.environ().get(MARK, ""))).parents or folder == mark:
                process.kill()


if __name__ == "__main__":
    sys.stdin.read()
    sweep(Path(sys.argv[1]))
    shutil.rmtree(sys.argv[1], ignore_errors=True)
