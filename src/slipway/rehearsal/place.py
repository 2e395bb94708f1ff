"""A folder of this machine for one account: it goes, with all that runs for it, when this process does."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path


class Place:
    """An empty folder, or one with the content of some folders of another."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.folder = Path(tempfile.mkdtemp(prefix="slipway-rehearsal-"))
        # outlives this process, whatever ends it, by as long as it takes to clear what it left
        self._sweeper = subprocess.Popen(
            [sys.executable, "-m", "slipway.rehearsal.sweep", str(self.folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def again(self, *names: str) -> "Place":
        """For a process that was forked: a place of its own, with these folders, whose files nobody changes."""
        place = Place()
        for name in names:
            if (self.folder / name).is_dir():
                shutil.copytree(self.folder / name, place.folder / name, copy_function=os.link)
        # what waits for the end of who made the place must not wait for this process too
        assert self._sweeper.stdin is not None
        self._sweeper.stdin.close()
        with suppress(ChildProcessError):
            self._sweeper.poll()
        return place

    def close(self) -> None:
        """End what runs for it, and remove it."""
        self._sweeper.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)
