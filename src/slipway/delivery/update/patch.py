"""What is new in the template, as a patch of the checkout, by cruft. The template's own code runs: no right beside it.

https://cruft.github.io/cruft
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slipway.errors import UserError
from slipway.evaluation.champion import git
from slipway.files import write_whole

CRUFT = Path(".cruft.json")
PATCH, FACTS = "update.patch", "update.json"
MOST_BYTES = 20_000_000
SECONDS = 600
# what the template's hook says of a file, and cruft where git did not merge
KEPT = re.compile(r"^(.+) (?:stays|is not taken): ", re.MULTILINE)
FELL_BACK = "different update strategy"
Paths = Annotated[list[Annotated[str, Field(max_length=300)]], Field(max_length=1000)]
Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class Update(BaseModel):
    """Which commits of the template the patch is between, and which of the project it fits.

    conflicts: files in which both changed the same lines; kept: files in which nothing was merged.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    head: Sha
    before: Sha
    after: Sha
    conflicts: Paths
    kept: Paths


def linked() -> dict[str, object] | None:
    """What .cruft.json says; None where the project knows no template. Raises UserError where it cannot be read."""
    if not CRUFT.is_file():
        return None
    try:
        told = json.loads(CRUFT.read_text(encoding="utf-8"))
        return {"template": str(told["template"]), "commit": str(told["commit"])}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{CRUFT} is none of cruft's: {error!r}") from error


def take(folder: Path) -> Update | None:
    """Bring the checkout up to date, and write the difference into a folder; None where nothing is new.

    Where both changed the same lines, both stand in the file, between git's marks. Raises UserError where cruft fails,
    or git could not merge: what it then leaves in *.rej files is for a person to look at.
    """
    before = linked()
    if before is None:
        raise UserError(f"there is no {CRUFT}: docs/update.md links a project to its template.")
    if (git("status", "--porcelain") or "").strip():
        raise UserError("the tree is not clean: commit or remove what is new first.")
    # beside this Python, in the project's environment; of GitHub's tokens it needs none
    own = {name: value for name, value in os.environ.items() if not name.endswith("_TOKEN")}
    command = [str(Path(sys.executable).with_name("cruft")), "update", "--skip-apply-ask"]
    try:
        done = subprocess.run(command, env=own, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError(f"cruft: {error}") from error
    after = linked()
    if done.returncode or after is None:
        raise UserError(f"cruft update failed:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    if after["commit"] == before["commit"]:
        return None
    if FELL_BACK in done.stdout:
        wrong = "\n".join(line for line in done.stderr.splitlines() if line.startswith("error: "))
        raise UserError(
            "git could not merge what is new: `cruft update --skip-apply-ask` on your own machine leaves what does not "
            f"fit in *.rej files (docs/update.md).\n{wrong[:2000]}"
        )
    unmerged = {line.partition("\t")[2] for line in (git("ls-files", "--unmerged") or "").splitlines()}
    git("add", "--all")
    # bytes: a line may end as it likes
    asked = [
        "git",
        "diff",
        "--cached",
        "--binary",
        "--full-index",
        "--no-renames",
        "--no-ext-diff",
        "--no-color",
        "HEAD",
    ]
    patch = subprocess.run(asked, capture_output=True, check=True).stdout
    update = Update(
        head=str(git("rev-parse", "HEAD")),
        before=str(before["commit"]),
        after=str(after["commit"]),
        conflicts=sorted(unmerged),
        kept=sorted(set(KEPT.findall(done.stdout))),
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / PATCH, patch)
    write_whole(folder / FACTS, f"{update.model_dump_json(indent=2)}\n")
    return update


def read(folder: Path) -> tuple[Update, bytes]:
    """What `take` wrote into a folder, checked. Raises UserError for anything else."""
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names != {PATCH, FACTS} or any(path.is_symlink() or not path.is_file() for path in folder.iterdir()):
        raise UserError(f"{folder} holds {sorted(names)}, and not {PATCH} and {FACTS} alone.")
    patch, facts = folder / PATCH, folder / FACTS
    if patch.stat().st_size > MOST_BYTES or facts.stat().st_size > MOST_BYTES:
        raise UserError(f"{folder}: more than {MOST_BYTES:,} bytes are no update.")
    try:
        return Update.model_validate_json(facts.read_bytes()), patch.read_bytes()
    except ValidationError as error:
        raise UserError(f"{facts}: {error.errors()[0]['msg']}.") from error
