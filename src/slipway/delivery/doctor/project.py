"""What a person has still to put into the project's files. No network is needed."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from slipway.config.compose import read_order, resolve
from slipway.delivery.doctor.finding import Finding, bad, good, unknown
from slipway.delivery.project import project
from slipway.delivery.repository.settings import FILE
from slipway.delivery.terraform.root import VALUE
from slipway.errors import UserError

SECURITY = Path("SECURITY.md")
LOCK = Path("dvc.lock")
ALARMS = Path("terraform/platform/terraform.tfvars")
# how conf/ begins what only a person can say; then comes where
NOT_STATED = "not stated: "
# who may read the repository on GitHub
VISIBILITY = "private"


@dataclass(frozen=True)
class Trusted:
    """The repository that AWS is to trust: "" and "0" where nobody has said it yet."""

    FILE: ClassVar[Path] = Path(FILE)
    owner: str
    repository: str
    owner_id: str
    id: str

    @classmethod
    def read(cls) -> "Trusted":
        """What the file says."""
        told = dict(VALUE.findall(cls.FILE.read_text(encoding="utf-8"))) if cls.FILE.is_file() else {}
        owner = told.get("owner", "")
        return cls(
            "" if owner == "OWNER" else owner, told.get("name", ""), told.get("owner_id", "0"), told.get("id", "0")
        )

    @property
    def name(self) -> str:
        """On GitHub, with its owner."""
        return f"{self.owner}/{self.repository}"

    @property
    def named(self) -> bool:
        """Whether somebody has said whose it is."""
        return bool(self.owner and self.repository)

    @property
    def numbered(self) -> bool:
        """Whether its numbers are there, by which AWS knows it."""
        return "0" not in (self.owner_id, self.id)

    @property
    def create(self) -> str:
        """The command that makes it."""
        return f"gh repo create {self.name} --{VISIBILITY} --source . --push"


def look() -> Iterator[Finding]:
    """What stands in the project's own files."""
    try:
        told = project()
        yield good(f"project {told.name}, in {told.region}")
    except UserError as error:
        yield bad(str(error), "mend terraform/project.tfvars")
    yield from repository()
    yield from chosen()
    if SECURITY.is_file() and "**ADDRESS:" in SECURITY.read_text(encoding="utf-8"):
        yield unknown("SECURITY.md gives nobody an address for what they find", "put one into SECURITY.md")
    if ALARMS.is_file() and re.search(r"^alert_emails\s*=\s*\[\s*\]", ALARMS.read_text(encoding="utf-8"), re.MULTILINE):
        yield unknown("nobody hears of alarms: `alert_emails` is empty", f"put addresses into {ALARMS}")
    # the last stage is there once all were run
    if not LOCK.is_file() or "  gate:\n" not in LOCK.read_text(encoding="utf-8"):
        yield unknown("no model was made yet: dvc.lock has no stage `gate`", "make demo")


def repository() -> Iterator[Finding]:
    """Whether AWS will trust the right repository."""
    told = Trusted.read()
    if not told.named:
        yield bad(f"{Trusted.FILE} does not say who owns the repository", f"put its owner into {Trusted.FILE}")
        return
    if shutil.which("git") is not None:
        yield from origin(told)
    if told.numbered:
        yield good(f"repository {told.name}")
    else:
        numbers = f"gh api repos/{told.name} --jq '.owner.id, .id'"
        yield bad(
            f"{Trusted.FILE} does not say the numbers of {told.name}",
            f"put what `{numbers}` prints into {Trusted.FILE}",
        )


def origin(told: Trusted) -> Iterator[Finding]:
    """Whether git knows the same repository."""
    asked = ["git", "remote", "get-url", "origin"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    found = re.search(r"github\.com(?:-[\w.-]+)?[:/]([^/]+/[^/]+?)(?:\.git)?/?$", done.stdout.strip())
    if done.returncode:
        yield unknown("git has no remote `origin`", told.create)
    elif found and found[1].lower() != told.name.lower():
        mend = f"mend {Trusted.FILE}, or the remote"
        yield bad(f"git's `origin` is {found[1]}, and AWS is to trust {told.name}", mend)


def chosen() -> Iterator[Finding]:
    """Whether the rows that were chosen are there, and the model card says what only a person can."""
    try:
        stated = resolve(read_order())[1]
    except UserError as error:
        yield bad(str(error), "mend what it names")
        return
    for file in (stated["data"]["source"].get("files") or {}).values():
        if isinstance(file, str) and "://" not in file and not Path(file).is_file():
            pulled = Path(f"{file}.dvc").is_file()
            yield bad(f"{file} is missing, which the rows are in", "dvc pull" if pulled else "see docs/adapt.md")
    said = {f"card.{key}": value for key, value in stated["card"].items()} | {"data.about": stated["data"]["about"]}
    for key, value in said.items():
        if str(value).startswith(NOT_STATED):
            yield unknown(f"the model card lacks {key}", value.removeprefix(NOT_STATED))
