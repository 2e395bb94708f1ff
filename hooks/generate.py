"""What cookiecutter's two hooks do: check the answers, and write the project with a first commit."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from choices import Choices
from names import RefusedError
from tree import forget_repository, write
from updates import as_before, keep, updating

PLACEHOLDER = ".gitkeep"


def check(source: str, told: "Mapping[str, object]") -> None:
    """End with status 1, and the rule that is broken, where no project can be made of the answers."""
    try:
        forget_repository()
        if not (updating(source) and as_before(told)):
            Choices.of(told, Path(source)).check(Path(source))
    except RefusedError as error:
        sys.exit(f"error: {error}")


def generate(source: str, told: "Mapping[str, object]") -> None:
    """Write the project into the working folder, which holds the placeholder alone, and commit it.

    Ends with status 1 where the folder holds something else, or git does not read the template; cookiecutter removes
    then what it has made.
    """
    folder, choices = Path.cwd(), Choices.of(told, Path(source))
    # which may be somebody's own
    placeholder, [held] = folder / PLACEHOLDER, Path(source).glob(f"{{{{*}}}}/{PLACEHOLDER}")
    if placeholder.is_file() and placeholder.read_bytes() == held.read_bytes():
        placeholder.unlink()
    if there := sorted(path.name for path in folder.iterdir()):
        sys.exit(f"error: {folder} holds files already ({there[0]}): docs/update.md says how it is brought up to date.")
    try:
        forget_repository()
        write(Path(source), folder, choices)
    except RefusedError as error:
        sys.exit(f"error: {error}")
    if updating(source):
        keep(Path(source).parent / "current_template", folder)
        return
    committed = commit(folder, beginning(Path(source), choices))
    print(closing(choices, committed, linked="_commit" in told))


def git(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """git, in a folder, without somebody's own hooks and signatures."""
    plain = ["-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "core.autocrlf=false"]
    command = ["git", *plain, *words]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)


def beginning(source: Path, choices: Choices) -> str:
    """What the first commit says; its body is the command that links the project later, where git tells a commit."""
    said = "Begin from the template\n"
    done = git(source, "rev-parse", "HEAD") if (source / ".git").exists() else None
    if done is None or done.returncode:
        return said
    found = git(source, "remote", "get-url", "origin").stdout.strip()
    # a path is of this machine alone, and an address may hold somebody's token
    known = re.match(r"https?://|ssh://[^:@]*@|git@", found)
    address = re.sub(r"^(https?://).*@", r"\1", found) if known else "TEMPLATE"
    answers = shlex.quote(json.dumps(asdict(choices)))
    link = f"cruft link {address} --checkout {done.stdout.strip()} --no-input --extra-context {answers}"
    return f"{said}\n{link}\n"


def commit(folder: Path, said: str) -> bool:
    """Make a repository with all files in its first commit; False where git does not know whose commit it would be.

    Then what it is to say lies in .git/BEGIN.
    """
    for words in (["init", "--quiet"], ["symbolic-ref", "HEAD", "refs/heads/main"], ["add", "--all", "--force"]):
        if (done := git(folder, *words)).returncode:
            sys.exit(f"error: git {words[0]}: {done.stdout.strip()}")
    message = folder / ".git" / "BEGIN"
    message.write_text(said, encoding="utf-8")
    if git(folder, "commit", "--quiet", "--file", str(message)).returncode:
        return False
    message.unlink()
    return True


def closing(choices: Choices, committed: bool, linked: bool) -> str:
    """What to do next."""
    here, name = Path.cwd(), choices.project_slug
    # where cookiecutter was called, if it wrote there: the shell's word for that
    where = name if Path(os.environ.get("PWD", ""), name).resolve() == here else shlex.quote(str(here))
    lines = [f"\n{choices.project_name} is in {name}/, a project of its own. Next:\n", f"  cd {where}"]
    if not committed:
        link = "git add .cruft.json && " if linked else ""
        known = 'git config user.name "..." && git config user.email "..."'
        lines.append(f"  {known} && {link}git commit --file .git/BEGIN   # who are you?")
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
