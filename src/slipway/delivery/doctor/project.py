"""What a person has still to put into the project's files. No network is needed."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from slipway.config.compose import read_order, resolve
from slipway.delivery.doctor.finding import Finding, bad, good, unknown
from slipway.delivery.project import project
from slipway.delivery.terraform.root import VALUE
from slipway.errors import UserError

REPOSITORY = Path("terraform/bootstrap/terraform.tfvars")
SECURITY = Path("SECURITY.md")
LOCK = Path("dvc.lock")
NOT_STATED = "not stated"
NUMBERS = "put what `gh api repos/OWNER/NAME --jq '.owner.id, .id'` prints into terraform/bootstrap/terraform.tfvars"


def look() -> Iterator[Finding]:
    """What stands in the project's own files."""
    try:
        told = project()
        yield good(f"project {told.name}, in {told.region}")
    except UserError as error:
        yield bad(str(error), "mend terraform/project.tfvars")
    yield from repository()
    yield from card()
    if SECURITY.is_file() and "**ADDRESS:" in SECURITY.read_text(encoding="utf-8"):
        yield unknown("SECURITY.md gives nobody an address for what they find", "put one into SECURITY.md")
    if not LOCK.is_file():
        yield unknown("no model was made yet: there is no dvc.lock", "make demo")


def repository() -> Iterator[Finding]:
    """Whether AWS will trust the right repository."""
    told = dict(VALUE.findall(REPOSITORY.read_text(encoding="utf-8"))) if REPOSITORY.is_file() else {}
    owner, name = told.get("owner", ""), told.get("name", "")
    if owner in ("", "OWNER"):
        yield bad(f"{REPOSITORY} does not say who owns the repository", f"put its owner into {REPOSITORY}")
        return
    if "0" in (told.get("owner_id", "0"), told.get("id", "0")):
        yield bad(
            f"{REPOSITORY} does not say the numbers of {owner}/{name}", NUMBERS.replace("OWNER/NAME", f"{owner}/{name}")
        )
    else:
        yield good(f"repository {owner}/{name}")
    asked = ["git", "remote", "get-url", "origin"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    found = re.search(r"github\.com[:/]([^/]+/[^/]+?)(?:\.git)?/?$", done.stdout.strip())
    if done.returncode:
        yield unknown("git has no remote `origin`", f"gh repo create {owner}/{name} --private --source . --push")
    elif found and found[1].lower() != f"{owner}/{name}".lower():
        yield bad(
            f"git's `origin` is {found[1]}, and AWS is to trust {owner}/{name}", f"mend {REPOSITORY}, or the remote"
        )


def card() -> Iterator[Finding]:
    """Whether the model card says what only a person can."""
    try:
        stated = resolve(read_order())[1]["card"]
    except UserError as error:
        yield bad(str(error), "mend what it names")
        return
    for key in (key for key, value in stated.items() if str(value).startswith(NOT_STATED)):
        yield unknown(f"the model card lacks card.{key}", f"set card.{key} in conf/config.yaml")
