"""Files and folders that are either whole or absent, and errors that say what writes them anew."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slipway.errors import UserError

JOBS = ".slipway/jobs"
MORE_SPACE = f"Free some space (`dvc gc -w` removes old versions from the cache, {JOBS} holds checkpoints)"
GROWING = re.compile(r"^\.(.+)\.new$")


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path` that takes its place when the block ends well.

    On any error the new folder is removed and what stood at `path` stays; one that a killed process left is removed
    by the next run that writes there. A full disk becomes a UserError, as does a link or a file at `path`.
    """
    if path.is_symlink() or path.is_file():
        raise UserError(
            f"{path} is {'a link' if path.is_symlink() else 'a file'}, where a folder must stand that is replaced as a "
            "whole: move it away and run the command again. For room on another disk see `dvc cache dir --help`."
        )
    fresh = _fresh(path)
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        with disk_full_in_words(path):
            fresh.mkdir(parents=True)
            yield fresh
            _sync(fresh)
        shutil.rmtree(path, ignore_errors=True)
        fresh.rename(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file by way of a temporary neighbour, so that a reader never sees half of it."""
    data = content.encode() if isinstance(content, str) else content
    fresh = _fresh(path)
    try:
        with disk_full_in_words(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys and a final newline: the same value gives the same bytes."""
    write_whole(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def _sync(folder: Path) -> None:
    """Let the names in a folder outlast a power cut, so that what they replace may go."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        # some network file systems sync files alone
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(number)


def _fresh(path: Path) -> Path:
    """Where the new version of `path` grows: one place, so that the next to write there clears what a killed one left.

    Two processes never write one path: DVC runs a stage at a time, and holds a lock.
    """
    return path.with_name(f".{path.name}.new")


def _final(path: Path) -> Path:
    """Where what grows at `path` will stand, which is the name that people know."""
    return Path(*(GROWING.sub(r"\1", part) for part in path.parts))


@contextmanager
def disk_full_in_words(path: Path, mend: str = MORE_SPACE) -> Iterator[None]:
    """Turn "no space left on device" into a UserError that names what was being written; `mend` says what to do."""
    try:
        yield
    except OSError as error:
        # EFBIG: a limit on file size (ulimit -f), which is full in the same way
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise UserError(
            f"{_final(path)}: the disk is full, so it was not written; what stood there before is untouched. "
            f"{mend} and run the command again."
        ) from error


@contextmanager
def written_by(stage: str, path: Path) -> Iterator[None]:
    """Turn what reading a missing or broken file raises into a UserError that names it and the stage that writes it."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: `dvc repro {stage}` writes it.") from error
    except UserError:
        raise
    except Exception as error:  # Parquet, safetensors, torch and tokenizers promise nothing narrower
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{path} is damaged ({lines[0]}): `dvc repro -f -s {stage}` writes it anew.") from error


def read_json(path: Path, stage: str) -> dict[str, Any]:
    """The JSON object that `stage` wrote. Raises UserError where the file is missing or damaged."""
    with written_by(stage, path):
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
        return value
