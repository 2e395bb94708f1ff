"""What a job of GitHub Actions is told, and what it tells: event, variables, outputs, summary.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

from slipway.errors import UserError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
MOST_OUTPUT = 2**20  # bytes that GitHub takes of a job's outputs, and of a step's summary


def output(name: str, value: str) -> None:
    """Give later steps a value, of one line or several: appended to $GITHUB_OUTPUT, printed where there is none.

    Raises ValueError for a name that is none, and for a value of more than a mebibyte.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an output")
    if len(value.encode()) > MOST_OUTPUT:
        raise ValueError(f"the output {name} is of more than {MOST_OUTPUT} bytes")
    # nobody who writes the value can know the line that ends it
    end = f"end_{secrets.token_hex(16)}"
    told = os.environ.get("GITHUB_OUTPUT")
    if told:
        append(Path(told), f"{name}<<{end}\n{value}\n{end}\n")
    else:
        print(f"{name}={value}")


def summary(markdown: str) -> None:
    """Put a paragraph onto the job's page: appended to $GITHUB_STEP_SUMMARY, printed where there is none."""
    told = os.environ.get("GITHUB_STEP_SUMMARY")
    if not told:
        print(markdown)
        return
    left = MOST_OUTPUT - (Path(told).stat().st_size if Path(told).exists() else 0) - 2
    if left > 0:
        append(Path(told), markdown.encode()[:left].decode("utf-8", "ignore") + "\n\n")


def event() -> dict[str, Any]:
    """What happened that the workflow runs. Raises UserError outside of GitHub Actions."""
    path = Path(variable("GITHUB_EVENT_PATH"))
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"GITHUB_EVENT_PATH={path} holds no event of GitHub's: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"GITHUB_EVENT_PATH={path} holds no event of GitHub's.")
    return found


def variable(name: str) -> str:
    """What the environment says. Raises UserError where it says nothing."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise UserError(
            f"{name} is not set: the workflow sets it from the repository's variables, which `make bootstrap` makes."
            if name.startswith(("AWS_", "SLIPWAY_"))
            else f"{name} is not set: GitHub Actions sets it, and this is made to run there."
        )
    return value


def append(path: Path, text: str) -> None:
    """Add to a file that the runner reads, as UTF-8 whatever the machine's language."""
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)
