"""What cookiecutter's two hooks do: check the answers, and write the project with a first commit."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from choices import Choices
from names import RefusedError
from tree import write

PLACEHOLDER = ".gitkeep"
PROJECT = "CRUFT_PROJECT"  # where cruft was started, if it was


def check(source: str, told: "Mapping[str, object]") -> None:
    """End with status 1, and the rule that is broken, where no project can be made of the answers."""
    try:
        if not shutil.which("git"):
            raise RefusedError("git is missing: a project is a repository of git's (https://git-scm.com/downloads).")
        # what rules came since it was made, a project that is updated need not follow
        if not updating(source):
            Choices.of(told, Path(source)).check(Path(source))
    except RefusedError as error:
        sys.exit(f"error: {error}")


def generate(source: str, told: "Mapping[str, object]") -> None:
    """Write the project into the working folder, which holds the placeholder alone, and commit it.

    Ends with status 1 where the folder holds something else, or git does not read the template; cookiecutter removes
    then what it has made.
    """
    folder, choices = Path.cwd(), Choices.of(told, Path(source))
    (folder / PLACEHOLDER).unlink(missing_ok=True)
    if there := sorted(path.name for path in folder.iterdir()):
        sys.exit(f"error: {folder} holds files already ({there[0]}): docs/update.md says how it is brought up to date.")
    try:
        write(Path(source), folder, choices)
    except RefusedError as error:
        sys.exit(f"error: {error}")
    if updating(source):
        keep(Path(source).parent / "current_template", folder)
        return
    committed = commit(folder, beginning(Path(source)))
    print(closing(choices, committed, linked="_commit" in told))


def updating(source: str) -> bool:
    """Whether this copy is one of the two that cruft compares for an update: of `repo` in a temporary folder."""
    clone = Path(source).resolve()
    temporary = clone.name == "repo" and clone.parent.parent == Path(tempfile.gettempdir()).resolve()
    return temporary and PROJECT in os.environ


def keep(before: Path, folder: Path) -> None:
    """Put back into an update's new copy what is in the one before alone, and which the project has changed.

    git cannot merge that a file is gone with what was changed in it, and where it cannot merge one file it merges none.
    """
    command = ["git", "diff", "--no-index", "--name-status", "--diff-filter=D", "-z", str(before), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    # D and a path by turns
    for path in map(Path, map(os.fsdecode, done.stdout.split(b"\0")[1::2])):
        name = path.relative_to(before)
        mine = Path(os.environ[PROJECT], name)
        if mine.is_file() and mine.read_bytes() != path.read_bytes():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / name)
            print(f"{name} stays: the template removed it, and this project changed it.", flush=True)


def git(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """git, in a folder, without somebody's own hooks and signatures."""
    plain = ["-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "core.autocrlf=false"]
    command = ["git", *plain, *words]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)


def beginning(source: Path) -> "list[str]":
    """Options of a commit that say where the project came from, for who links it later."""
    done = git(source, "rev-parse", "HEAD") if (source / ".git").exists() else None
    known = ["--message", f"At {done.stdout.strip()}"] if done and not done.returncode else []
    return ["--message", "Begin from the template", *known]


def commit(folder: Path, said: "list[str]") -> bool:
    """Make a repository with all files in its first commit; False where git does not know whose commit it would be."""
    for words in (["init", "--quiet"], ["symbolic-ref", "HEAD", "refs/heads/main"], ["add", "--all", "--force"]):
        if (done := git(folder, *words)).returncode:
            sys.exit(f"error: git {words[0]}: {done.stdout.strip()}")
    return git(folder, "commit", "--quiet", *said).returncode == 0


def closing(choices: Choices, committed: bool, linked: bool) -> str:
    """What to do next."""
    name = choices.project_slug
    lines = [f"\n{choices.project_name} is in {name}/, a project of its own. Next:\n", f"  cd {name}"]
    if not committed:
        link = "git add .cruft.json && " if linked else ""
        known = 'git config user.name "..." && git config user.email "..."'
        lines.append(f'  {known} && {link}git commit -m "Begin"   # who are you?')
    elif linked:
        lines.append("  git add .cruft.json && git commit --amend --no-edit   # what `cruft update` goes by")
    return "\n".join(
        [
            *lines,
            begin(choices),
            f"  gh repo create {choices.repository} --{choices.visibility} --source . --push",
            "\nFrom here to the first model in production: docs/first-day.md",
        ]
    )


def begin(choices: Choices) -> str:
    """The first task, and what it is."""
    if choices.example_data == "csv":
        return "  make setup   # then your rows: docs/adapt.md"
    return "  make demo   # the whole pipeline on real text, on this machine"
