"""What differs where cruft asks for the two copies that an update is between."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from choices import Choices

PROJECT = "CRUFT_PROJECT"  # where cruft was started, if it was
CRUFT = ".cruft.json"


def updating(source: str) -> bool:
    """Whether this copy is one of the two that cruft compares for an update: of `repo` in a temporary folder."""
    clone = Path(source).resolve()
    temporary = clone.name == "repo" and clone.parent.parent == Path(tempfile.gettempdir()).resolve()
    return temporary and PROJECT in os.environ


def as_before(told: "Mapping[str, object]") -> bool:
    """Whether an update's answers are the project's: rules that came later it need not follow."""
    made = Path(os.environ[PROJECT], CRUFT)
    if not made.is_file():
        return False
    answers = json.loads(made.read_text(encoding="utf-8"))["context"]["cookiecutter"]
    return all(told[key] == answers.get(key, told[key]) for key in Choices.__dataclass_fields__ if key in told)


def keep(before: Path, folder: Path) -> None:
    """Take out of an update's new copy what git cannot merge, for with one such file it merges none; name all of it.

    That is where a file is gone that the project has changed, where one was renamed to what the project has, and where
    the project has something else than a file. Named is, too, what has changed and is not in the project (any more):
    cruft leaves it out without a word.
    """
    project, whole = Path(os.environ[PROJECT]), before.with_name("whole")
    # cruft was started elsewhere, or compares without an update
    if not (project / CRUFT).is_file() or not before.is_dir():
        return
    if not any(before.iterdir()):
        # the first of the two: cruft takes out of it what the project has not
        shutil.copytree(folder, whole)
        return

    def between(kind: str, before: Path = before) -> "list[str]":
        """The names of such changes, relative to their copy; two for each renamed file."""
        command = ["git", "diff", "--no-index", "--find-renames", "--name-status", f"--diff-filter={kind}", "-z"]
        asked = [*command, str(before), str(folder)]
        told = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        paths = [os.fsdecode(path) for path in told.stdout.split(b"\0")]
        copies = (before, folder)
        return [os.path.relpath(path, copy) for path in paths for copy in copies if path.startswith(f"{copy}/")]

    def mine(name: str, other: Path) -> bool:
        """Whether the project has something there, and not as a copy has it."""
        path = project / name
        return path.exists() and (is_odd(path) or path.read_bytes() != other.read_bytes())

    def stay(name: str, why: str) -> None:
        """Have it in this copy as in the one before."""
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(whole / name, folder / name)
        print(f"{name} stays: {why}.", flush=True)

    renamed, removed = between("R"), between("D")
    for old, new in zip(renamed[::2], renamed[1::2]):  # noqa: B905  # from Python 3.10 on
        if (whole / new).exists():
            removed.append(old)  # it looks new where cruft took it out of the copy before
        elif mine(new, folder / new):
            (folder / new).unlink()
            print(f"{new} stays: the template renamed {old} to it, and this project has its own.", flush=True)
    for name in removed:
        if mine(name, before / name):
            stay(name, "the template removed it, and this project changed it")
    for name in between("M", whole):
        if not (project / name).exists():
            print(f"{name} is not taken: it has news, and this project has no such file.", flush=True)
        elif is_odd(project / name):
            stay(name, "it has news, and this project has no plain file there")


def is_odd(path: Path) -> bool:
    """Whether it is something else than a file."""
    return path.is_symlink() or not path.is_file()
