"""Actions that put tools on PATH: those of this machine, whatever version is asked for."""

import os
import shutil
import sys
from pathlib import Path

import yaml

from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.machine import StepError


def project(use: Use) -> None:
    """./.github/actions/setup: this interpreter's environment, and the checkout's own code before its own."""
    folder = use.machine.workspace / ".github" / "actions" / "setup"
    file = next((folder / name for name in ("action.yml", "action.yaml") if (folder / name).is_file()), None)
    if file is None:
        raise StepError(
            f"Can't find 'action.yml' or 'action.yaml' under '{folder}'. Did you forget to run actions/checkout before "
            "running your local action?"
        )
    known = set(yaml.safe_load(file.read_text(encoding="utf-8")).get("inputs") or {})
    if unknown := sorted(set(use.given) - known):
        raise StepError(f"Unexpected input(s) {', '.join(unknown)}, valid inputs are {', '.join(sorted(known))}")
    use.add_path(Path(sys.executable).parent)
    code = [use.machine.workspace / each for each in ("src", "lambda")]
    use.export({"PYTHONPATH": ":".join(str(each) for each in code if each.is_dir())})
    link(use.machine.workspace)


def link(workspace: Path) -> None:
    """Make `.venv` of a checkout this environment, newer than what it is made of: `make` leaves it as it is."""
    folder = workspace / ".venv"
    folder.mkdir(exist_ok=True)
    for each in Path(sys.prefix).iterdir():
        if each.name != ".installed" and not (folder / each.name).exists():
            (folder / each.name).symlink_to(each)
    for name in ("requirements.lock", "pyproject.toml"):
        if (workspace / name).exists():
            os.utime(workspace / name, (0, 0))
    (folder / ".installed").touch()


def python(use: Use) -> None:
    """actions/setup-python."""
    use.add_path(Path(sys.executable).parent)
    use.outputs |= {"python-version": sys.version.split()[0], "python-path": sys.executable}


def uv(use: Use) -> None:
    """astral-sh/setup-uv."""
    use.add_path(_tool("uv"))


def terraform(use: Use) -> None:
    """hashicorp/setup-terraform, without its wrapper, which is on by default."""
    if use.flag("terraform_wrapper", True):
        raise StepError("the wrapper of hashicorp/setup-terraform is not replayed: say `terraform_wrapper: false`")
    use.add_path(_tool("terraform"))


def _tool(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise StepError(f"{name} is missing on this machine")
    return Path(found).parent
