"""The artifacts of runs, as GitHub keeps them: by run, attempt and name.

https://github.com/actions/upload-artifact
"""

import re
import shutil
from pathlib import Path
from threading import Lock

from slipway.rehearsal.runner.machine import StepError
from slipway.rehearsal.runner.origin import Origin

FORBIDDEN = re.compile(r'[":<>|*?\r\n\\/]')


class Artifacts:
    """All artifacts, under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()

    def store(self, origin: Origin, name: str, files: dict[str, Path], overwrite: bool) -> None:
        """Keep files by their paths in the artifact. Raises StepError where the attempt has one of that name."""
        if not name or FORBIDDEN.search(name):
            raise StepError(f"The artifact name is not valid: {name!r}")
        place = self.folder / str(origin.run) / name / str(origin.attempt)
        with self._lock:
            if place.exists() and not overwrite:
                raise StepError(
                    "Failed to CreateArtifact: Received non-retryable error: Failed request: (409) Conflict: an "
                    f"artifact with this name already exists on the workflow run: {name}"
                )
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            for path, file in files.items():
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place / path)  # an archive keeps no permissions

    def of(self, run: int) -> dict[str, Path]:
        """A run's artifacts by name, of the newest attempt that made each."""
        every = sorted((self.folder / str(run)).glob("*/"))
        return {each.name: max(each.iterdir(), key=lambda path: int(path.name)) for each in every}
