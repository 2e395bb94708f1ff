"""Files that the user brings, of which `dvc repro` must see when they change."""

import os
import sys
from pathlib import Path

from slipway.errors import UserError
from slipway.files import sha256

FOLDER = Path("data/local")


def local_file(address: str, checksum: str | None, source: str, key: str) -> Path:
    """The path at `address`, its SHA-256 compared with `checksum` where there is one.

    `source` and `key` are the configuration's keys of the path and the checksum. Warns of a file that is neither
    checked nor in data/local, which the stages depend on. Raises UserError for a missing file, a folder
    or another checksum.
    """
    path = Path(address)
    if path.is_dir():
        raise UserError(f"{path} is a folder: name a file in {source}.")
    if not path.is_file():
        raise UserError(
            f"{path} is missing: {_left_behind(path) or f'put the file there, or name another in {source}'}."
        )
    if checksum is None:
        warn_where_unseen(path, f"move it there, or set {key}")
    elif (found := sha256(path)) != checksum:
        raise UserError(f"{path}: its SHA-256 is {found}, {key} says {checksum}. Restore the file, or change the key.")
    return path


def _left_behind(path: Path) -> str:
    """What to do about a file that stands in the project, but not in the copy that a queued experiment runs in."""
    if not Path(os.environ.get("DVC_ROOT", "."), path).is_file():
        return ""
    return (
        f"a queued experiment sees only what git or DVC tracks. Commit the file (`git add {path}`, or for a large one "
        f"`dvc add {path}` and what it says), then queue again"
    )


def warn_where_unseen(path: Path, mend: str) -> None:
    """Warn of a file or folder outside data/local, which the stages depend on; `mend` says what to do."""
    if FOLDER.resolve() not in path.resolve().parents:
        print(
            f"warning: {path} is not in {FOLDER}, so `dvc repro` does not see when it changes: {mend}.", file=sys.stderr
        )
