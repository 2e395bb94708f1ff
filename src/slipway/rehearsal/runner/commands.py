"""What a step tells the runner: commands in its output, and the files behind GITHUB_ENV, GITHUB_OUTPUT and GITHUB_PATH.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

import re
from threading import Lock

COMMAND = re.compile(r"^\s*::(?P<name>[\w-]+)(?:\s(?P<properties>.*?))?::(?P<value>.*)$")
SUMMARY_BYTES = 1024 * 1024


class FileCommandError(Exception):
    """A file that a step wrote and the runner cannot read."""


def pairs(text: str) -> dict[str, str]:
    """Names and values of GITHUB_ENV or GITHUB_OUTPUT: `name=value`, or `name<<MARK` and lines up to MARK."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line.split("=", 1)
        elif heredoc >= 0:
            name, mark = line.split("<<", 1)
            if not name or not mark:
                raise FileCommandError(f"Invalid format '{line}'. Name and delimiter must not be empty")
            held = []
            for inner in lines:
                if inner == mark:
                    break
                held.append(inner)
            else:
                raise FileCommandError(f"Invalid value. Matching delimiter not found '{mark}'")
            value = "\n".join(held)
        else:
            raise FileCommandError(f"Invalid format '{line}'")
        if not name:
            raise FileCommandError(f"Invalid format '{line}'. Name must not be empty")
        found[name] = value
    return found


class Log:
    """The masked words of one step, and what its commands asked for."""

    def __init__(self, masks: set[str]) -> None:
        self.masks, self.annotations = masks, list[str]()
        self._lines, self._lock, self._silent = list[str](), Lock(), ""

    @property
    def text(self) -> str:
        """All lines, secrets as `***`."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines)

    def say(self, line: str) -> None:
        """Take a line of output: a command is obeyed, all else is kept."""
        with self._lock:
            found = COMMAND.match(line)
            if self._silent:  # until its token comes
                if line.strip() == f"::{self._silent}::":
                    self._silent = ""
            elif found:
                name, value = found["name"].lower(), _plain(found["value"])
                if name == "add-mask":
                    self.masks.update(each for each in (value, *value.split("\n")) if each.strip())
                    line = "::add-mask::***"
                elif name in ("error", "warning", "notice"):
                    self.annotations.append(f"{name}: {masked(value, self.masks)}")
                elif name == "stop-commands":
                    self._silent = value
                elif name in ("set-env", "add-path"):
                    line = f"Error: the command '{name}' is disabled"
            self._lines.append(masked(line, self.masks))


def masked(text: str, masks: set[str]) -> str:
    """The text with each secret as `***`, the longest first."""
    for mask in sorted(masks, key=len, reverse=True):
        text = text.replace(mask, "***")
    return text


def _plain(value: str) -> str:
    return value.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
