"""This machine: the tools that tasks call, and the environment that they run in. No network is needed."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from slipway.delivery.doctor.finding import Finding, bad, good, unknown
from slipway.delivery.terraform.root import INSTALL

INSTALLED = Path(".venv/.installed")
PINNED = (Path("requirements.lock"), Path("pyproject.toml"))
LANGUAGE = Path(".node/language.cjs")
TERRAFORM = (1, 11)
NODE = (20,)


def look(compute: str) -> Iterator[Finding]:
    """What this machine has; `compute` is the configuration's choice, since docker matters to one alone."""
    yield good(f"Python {platform.python_version()}")
    yield environment()
    yield tool("git", (2,), ("git", "--version"), "https://git-scm.com/downloads")
    wanted = os.environ.get("TERRAFORM_BIN") or "terraform"
    use = "for `make bootstrap` and `make rehearse`"
    yield tool(wanted, TERRAFORM, (wanted, "version", "-json"), INSTALL, use)
    node = tool(
        "node", NODE, ("node", "--version"), "https://nodejs.org/en/download, 20 or newer", "for `make rehearse`"
    )
    yield node
    if not node.mend and not LANGUAGE.is_file():
        yield unknown("GitHub's workflow language is not installed, which `make rehearse` reads", f"make {LANGUAGE}")
    page = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
    yield tool("aws", (2,), ("aws", "--version"), page, "for `aws sso login`")
    if compute == "container":
        page = "https://docs.docker.com/engine/install, or train with compute=local"
        yield tool("docker", (), ("docker", "version", "--format", "{{.Server.Version}}"), page)


def environment() -> Finding:
    """Whether .venv holds what is pinned."""
    if not INSTALLED.is_file():
        return unknown("there is no .venv, or none that was installed whole", "make setup")
    if Path(sys.prefix).resolve() != INSTALLED.parent.resolve():
        return unknown(f"this is another environment than .venv: {sys.prefix}", "source .venv/bin/activate")
    newer = [path for path in PINNED if path.is_file() and path.stat().st_mtime > INSTALLED.stat().st_mtime]
    if newer:
        return bad(f".venv is older than {newer[0]}", "make setup")
    return good(".venv holds what requirements.lock pins")


def tool(name: str, least: tuple[int, ...], asked: tuple[str, ...], page: str, use: str = "") -> Finding:
    """A program on PATH, and its version; one that has a `use` is missed by that alone."""
    missed = unknown if use else bad
    if shutil.which(name) is None:
        return missed(f"{name} is missing{f', {use}' if use else ''}", page)
    try:
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return missed(f"{name} does not answer ({error})", page)
    if done.returncode:
        return missed(f"{name} does not answer ({' '.join((done.stderr or done.stdout).split())})", page)
    found = version(done.stdout)
    told = ".".join(map(str, found))
    if found < least:
        return missed(f"{name} {told} is older than {'.'.join(map(str, least))}{f', {use}' if use else ''}", page)
    return good(f"{name} {told}".rstrip())


def version(told: str) -> tuple[int, ...]:
    """The first version in what a program prints, Terraform's from its JSON; () where there is none."""
    with suppress(ValueError, KeyError, TypeError):
        told = json.loads(told)["terraform_version"]
    found = re.search(r"\d+(?:\.\d+)+", told)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
