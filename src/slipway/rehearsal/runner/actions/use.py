"""What the equivalent of an action is given, and may do."""

from collections.abc import Sequence
from pathlib import Path

from slipway.rehearsal.runner.commands import Log
from slipway.rehearsal.runner.machine import Machine, StepError


class Use:
    """One use of an action: `given` are its inputs as texts, `environment` all variables of its step."""

    def __init__(
        self, machine: Machine, action: str, given: dict[str, str], environment: dict[str, str], log: Log,
        files: dict[str, Path],
    ) -> None:  # fmt: skip
        self.machine, self.action, self.given, self.environment = machine, action, given, environment
        self.log, self.files = log, files
        self.outputs: dict[str, str] = {}

    def text(self, name: str, default: str = "") -> str:
        """An input."""
        return self.given.get(name, "").strip() or default

    def flag(self, name: str, default: bool = False) -> bool:
        """An input that is `true` or `false`. Raises StepError for another value."""
        value = self.text(name, str(default)).lower()
        if value not in ("true", "false"):
            raise StepError(f"input {name} of {self.action} is neither true nor false: {value}")
        return value == "true"

    def required(self, name: str) -> str:
        """An input that must be given."""
        value = self.text(name)
        if not value:
            raise StepError(f"Input required and not supplied: {name}")
        return value

    def say(self, line: str) -> None:
        """Write a line to the log."""
        self.log.say(line)

    def export(self, variables: dict[str, str]) -> None:
        """Set variables for the steps that follow."""
        self.machine.variables |= variables

    def mask(self, *secrets: str) -> None:
        """Hide values in all that is logged from here on."""
        self.machine.masks.update(each for each in secrets if each)

    def add_path(self, folder: Path) -> None:
        """Put a folder first in PATH for the steps that follow."""
        self.machine.added.append(str(folder))

    def inside(self, path: str) -> Path:
        """A path as an action reads it: from the workspace, `~` is the job's home."""
        if path.startswith("~"):
            return self.machine.home / path[1:].lstrip("/")
        return self.machine.workspace / path

    def run(self, words: Sequence[str], folder: Path | None = None) -> None:
        """Run a command. Raises StepError where it fails."""
        code = self.machine.run(words, folder or self.machine.workspace, self.environment, self.log)
        if code != 0:
            raise StepError(f"The process '{words[0]}' failed with exit code {code}")
