"""The tree of a new project: the template's files without those of the template alone, under the project's names."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from choices import Choices
from names import RefusedError
from renaming import renamed

# what makes copies, tests that, and tells how the template changed
ALONE = (
    "cookiecutter.json",
    "needs_a_newer_cookiecutter.py",
    "hooks/",
    "{{cookiecutter.project_slug}}/",
    "tests/template/",
    "CHANGELOG.md",
)
# lines of the template alone, from one that says this to one that says that
BLOCK = re.compile(r"(?ms)^[^\n]*template-only: begin[^\n]*\n.*?template-only: end[^\n]*\n")


def forget_repository() -> None:
    """Let git look where it is called: where git itself runs this, in a hook say, it has named a repository.

    Raises RefusedError where there is no git.
    """
    if not shutil.which("git"):
        raise RefusedError("git is missing: a project is a repository of git's (https://git-scm.com/downloads).")
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], stdout=subprocess.PIPE, check=False, text=True)
    for name in listed.stdout.split():
        if not name.startswith("GIT_CONFIG"):  # which holds for all of them
            os.environ.pop(name, None)


def files_of(source: Path) -> "list[str]":
    """The template's files, but for its own: what git tracks and is there, or all of an archive.

    Raises RefusedError where git does not read it, such as another user's.
    """
    if (source / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=source, capture_output=True, check=False)
        if listed.returncode:
            raise RefusedError(f"git ls-files in {source}: {os.fsdecode(listed.stderr).strip()}")
        names = [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        # but for what making a copy leaves there
        names = [path.relative_to(source).as_posix() for path in source.rglob("*") if "__pycache__" not in path.parts]
    return sorted(name for name in names if not name.startswith(ALONE) and (source / name).is_file())


def write(source: Path, folder: Path, choices: Choices) -> "list[str]":
    """Write a project's files into an empty folder; returns their names there.

    Bytes that are no UTF-8 are copied as they are; who may execute a file may do so in the copy, and all a script.
    """
    values, written = choices.values(source), []
    for name in files_of(source):
        new = renamed(name, choices.names)
        target = folder / new
        target.parent.mkdir(parents=True, exist_ok=True)
        content = (source / name).read_bytes()
        try:
            text = renamed(BLOCK.sub("", content.decode("utf-8")), choices.names)
        except UnicodeDecodeError:
            target.write_bytes(content)
        else:
            target.write_bytes(values.pop(new, str)(text).encode("utf-8"))
        shutil.copymode(source / name, target)
        if content.startswith(b"#!"):
            target.chmod(target.stat().st_mode | 0o111)  # an archive of zip's says it of none
        written.append(new)
    if values:
        raise LookupError(f"{', '.join(values)}: the template has no such files")
    return written
