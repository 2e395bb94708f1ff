"""`make rename project_name="..."`: makes this folder what a copy would be, after "Use this template"."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# whatever python3 is runs this
if sys.version_info < (3, 9):  # noqa: UP036
    sys.exit("error: Python {}.{} is too old: `make rename PYTHON=python3.12`".format(*sys.version_info))

from choices import Choices
from generate import begin
from names import TEMPLATE, RefusedError
from renaming import renamed
from tree import forget_repository, write

ROOT = Path(__file__).resolve().parents[1]


def git(*words: str) -> str:
    """What git says in this folder. Raises RefusedError where it fails."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout


def rename(choices: Choices) -> None:
    """Put the project's files in the place of the template's, and stage them. Raises RefusedError before."""
    if changed := git("status", "--porcelain").splitlines():
        raise RefusedError(f"the tree is not clean ({changed[0].strip()}): commit or remove what is new, then rename.")
    tracked = [line.partition("\t") for line in git("ls-files", "--stage", "-z").split("\0")[:-1]]
    for told, _, name in tracked:
        if told.startswith(("120000", "160000")):
            raise RefusedError(f"{name} is a link or a submodule, and the template has none: remove it, then rename.")
    # the state of this machine, which is not git's, under the name that is ignored then
    state = ROOT / f".{TEMPLATE}"
    state_after = ROOT / renamed(state.name, choices.names)
    if state.is_dir() and state_after.exists():
        raise RefusedError(
            f"{state.name} would be {state_after.name}, which is there: remove one of them, then rename."
        )
    # beside the repository's own files, so that what was written is moved, not copied
    with tempfile.TemporaryDirectory(dir=ROOT / git("rev-parse", "--git-dir").strip()) as made:
        written = write(ROOT, Path(made), choices)
        old = [name for _, _, name in tracked]
        for name in old:
            (ROOT / name).unlink()
        for folder in sorted({parent for name in old for parent in Path(name).parents}, reverse=True)[:-1]:
            shutil.rmtree(ROOT / folder / "__pycache__", ignore_errors=True)
            if (ROOT / folder).is_dir() and not any((ROOT / folder).iterdir()):
                (ROOT / folder).rmdir()
        for name in written:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(made) / name, ROOT / name)
    if state.is_dir():
        state.rename(state_after)
    git("add", "--update")
    git("add", "--force", "--", *written)


def origin() -> "dict[str, str]":
    """Whose repository this is on GitHub, and its name, where git's `origin` says so."""
    if "origin" not in git("remote").split():
        return {}
    address = git("remote", "get-url", "origin").strip()
    # with a name of somebody's ~/.ssh/config, too: github.com-work
    found = re.search(r"github\.com(?:-[\w.-]+)?[:/]([^/\s]+)/([^/\s]+?)(?:\.git)?/?$", address)
    return {"github_owner": found[1], "github_repository": found[2]} if found else {}


def said_to_make(names: "list[str]") -> "dict[str, str]":
    """What was said to make as name=value: the names, and by name what is in the environment of what make runs."""
    # in capitals are variables of the Makefile, as PYTHON
    return {name: os.environ.get(name, "") for name in sorted(names) if name == name.lower()}


if __name__ == "__main__":
    told = said_to_make(sys.argv[1:])
    try:
        forget_repository()
        if "project_name" not in told:
            raise RefusedError(
                'say project_name="...", and what else is not to be as in cookiecutter.json: github_owner=...'
            )
        there = origin()
        if there.get("github_repository") == TEMPLATE and not there.keys() <= told.keys():
            raise RefusedError(
                f"git's `origin` is still {there['github_owner']}/{TEMPLATE}: point it to your own repository "
                "(`git remote set-url origin ...`), or say github_owner=... github_repository=..."
            )
        choices = Choices.of(there | told, ROOT)
        choices.check(ROOT)
        rename(choices)
    except RefusedError as error:
        sys.exit(f"error: {error}")
    print(
        f"{choices.project_name} it is: {choices.repository} on GitHub, {choices.aws_region} in AWS. Next:\n\n"
        f'  git commit -m "Begin from the template"\n{begin(choices)}\n\n(docs/first-day.md)'
    )
