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


def updating(source: str) -> bool:
    """Whether this copy is one of the two that cruft compares for an update: of `repo` in a temporary folder."""
    clone = Path(source).resolve()
    temporary = clone.name == "repo" and clone.parent.parent == Path(tempfile.gettempdir()).resolve()
    return temporary and PROJECT in os.environ


def as_before(told: "Mapping[str, object]") -> bool:
    """Whether an update's answers are the project's: rules that came later it need not follow."""
    made = Path(os.environ[PROJECT], ".cruft.json")
    answers = json.loads(made.read_text(encoding="utf-8"))["context"]["cookiecutter"] if made.is_file() else told
    return all(told[key] == answers.get(key, told[key]) for key in Choices.__dataclass_fields__ if key in told)


def keep(before: Path, folder: Path) -> None:
    """Take out of an update's new copy what git cannot merge, for with one such file it merges none; name all of it.

    That is where a file is gone that the project has changed, and where one was renamed to what the project has. Named
    is, too, what has changed and is not in the project (any more): cruft leaves it out without a word.
    """
    project, whole = Path(os.environ[PROJECT]), before.with_name("whole")
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
        """Whether the project has this file, and not as a copy has it."""
        return (project / name).is_file() and (project / name).read_bytes() != other.read_bytes()

    renamed = between("R")
    for old, new in zip(renamed[::2], renamed[1::2]):  # noqa: B905  # from Python 3.10 on
        if mine(new, folder / new):
            (folder / new).unlink()
            print(f"{new} stays: the template renamed {old} to it, and this project has its own.", flush=True)
    for name in between("D"):
        if mine(name, before / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(before / name, folder / name)
            print(f"{name} stays: the template removed it, and this project changed it.", flush=True)
    for name in between("M", whole):
        if not (project / name).is_file():
            print(f"{name} is not taken: it has news, and this project has no such file.", flush=True)
