"""What an acceptance asserted, with its evidence: as JSON and as Markdown, meant to be committed."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path

from slipway.errors import UserError
from slipway.files import write_whole

FOLDER = Path("acceptance")
# twelve digits with nothing of a longer number or word around them
ACCOUNT = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")
MASKED = "ACCOUNT"


class Broken(UserError):  # noqa: N818  # it is one
    """Something that was asserted does not hold."""


@dataclass(frozen=True)
class Assertion:
    """One thing that was asserted, whether it held, how long that took, and what shows it."""

    name: str
    held: bool
    seconds: float
    evidence: tuple[str, ...]


@dataclass
class Record:
    """All of it; `cleaned` is what was removed, `left` what a person must remove."""

    began: str
    repository: str
    commit: str
    region: str
    environment: str
    instance_type: str
    limit_usd: float
    most_usd: float
    training_usd: float | None = None
    assertions: list[Assertion] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    whole: bool = False

    @property
    def passed(self) -> bool:
        """Whether all was asserted, held, and was cleaned up."""
        return self.whole and not self.left and all(each.held for each in self.assertions)

    def write(self, folder: Path = FOLDER) -> Path:
        """Write both forms, without numbers of accounts; returns the JSON's path."""
        folder.mkdir(exist_ok=True)
        path = folder / f"{self.began[:10]}.json"
        told = {"passed": self.passed, **asdict(self)}
        write_whole(path, masked(json.dumps(told, indent=2, ensure_ascii=False)) + "\n")
        write_whole(path.with_suffix(".md"), masked(self.markdown()))
        return path

    def markdown(self) -> str:
        """For people."""
        cost = "unknown" if self.training_usd is None else f"${self.training_usd:.2f}"
        rows = [
            f"| {'yes' if each.held else '**no**'} | {cell(each.name)} | {each.seconds:.0f} s "
            f"| {cell('; '.join(each.evidence))} |"
            for each in self.assertions
        ]
        lines = [
            f"# Acceptance of {self.began[:10]}: {'passed' if self.passed else 'not passed'}",
            "",
            f"`slipway acceptance ENV={self.environment}` in the AWS account of {self.repository}, in {self.region}, "
            f"begun at {self.began} with commit `{self.commit[:12]}`. It trained on {self.instance_type} for {cost}; "
            f"it might have cost ${self.most_usd:.2f} in all, and must not cost more than ${self.limit_usd:.2f}.",
            "",
            "| held | what | took | what shows it |",
            "|---|---|---|---|",
            *rows,
            "",
            f"Cleaned up: {'; '.join(self.cleaned) or 'nothing'}.",
            *([f"**Left for a person:** {'; '.join(self.left)}."] if self.left else []),
        ]
        return "\n".join(lines) + "\n"


def masked(text: str) -> str:
    """Without numbers of AWS accounts."""
    return ACCOUNT.sub(MASKED, text)


def cell(text: str) -> str:
    """Text for a table of Markdown."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def passed(folder: Path = FOLDER) -> bool:
    """Whether there is a record of one that passed."""
    return any(json.loads(path.read_text(encoding="utf-8")).get("passed") is True for path in folder.glob("*.json"))
