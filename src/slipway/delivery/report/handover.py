"""What job *evaluate* hands to job *publish*: files of fixed names, which are data and never trusted.

*evaluate* runs a pull request's code, *publish* holds the right to write; between them lies this check.
"""

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slipway.config.section import Section
from slipway.delivery.report.markdown import visible
from slipway.errors import UserError

REPORT = "report.json"
# what is committed, each with the most bytes that it may have
COMMITTED = {
    "dvc.lock": 1 << 20,
    "champion.json": 200,
    "resolved.yaml": 1 << 18,
    "reports/metrics.json": 1 << 18,
    "reports/gate.json": 1 << 20,
}
MOST_REPORT = 1 << 20  # bytes
# which stage's record in dvc.lock names a file, among its outputs or what it reads
RECORDED = {
    "resolved.yaml": ("compose", "outs"),
    "champion.json": ("evaluate", "deps"),
    "reports/metrics.json": ("evaluate", "outs"),
    "reports/gate.json": ("gate", "outs"),
}
Text = Annotated[str, Field(max_length=1000)]
Line = Annotated[str, Field(max_length=2000)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, le=1e12)]
Count = Annotated[int, Field(ge=0, le=10**12)]
Bundle = Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.dir$")]
M = TypeVar("M", bound=BaseModel)


class Epoch(Section):
    """The losses after an epoch; None is one that is no number."""

    epoch: Count
    train_loss: Amount | None
    log_loss: Amount | None


class Figure(Section):
    """A share and the bounds of its 95 % interval."""

    value: Share
    low: Share
    high: Share


class Figures(Section):
    """How good a model is on the test rows."""

    accuracy: Figure
    macro_f1: Figure


class Pair(Section):
    """How many rows of class `truth` were called `predicted`, by the model and by its opponent."""

    truth: Text
    predicted: Text
    rows: Count
    rows_opponent: Count


class Training(Section):
    """What training took: seconds of the attempt that brought the result, and US dollars of all attempts."""

    machines: Annotated[str, Field(pattern=r"^\d{1,3} x ml\.[a-z0-9-]{1,20}\.[a-z0-9]{1,20}$")]
    spot: bool
    attempts: Count
    seconds: Amount
    billed_seconds: Amount
    usd: Amount | None


class Report(Section):
    """The figures that the comment shows besides those of the committed files; or why there are none."""

    version: Literal[1]
    outcome: Literal["reported", "failed", "stopped"]
    reason: Annotated[str, Field(max_length=4000)] = ""
    log: Annotated[tuple[Line, ...], Field(max_length=40)] = ()
    training: Training | None = None
    history: Annotated[tuple[Epoch, ...], Field(max_length=1_000)] = ()
    champion: Figures | None = None
    opponent: Literal["champion", "baseline"] = "baseline"
    pairs: Annotated[tuple[Pair, ...], Field(max_length=20)] = ()


class Known(BaseModel):
    """A part of a file whose form belongs to the pull request: it may hold more, of which nothing is read."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class Measured(Known):
    """The figures of reports/metrics.json for a model."""

    accuracy: Share
    accuracy_low: Share
    accuracy_high: Share
    macro_f1: Share
    macro_f1_low: Share
    macro_f1_high: Share
    log_loss: Amount | None = None
    ece: Share | None = None

    def figures(self) -> Figures:
        """As the comment's table takes them."""
        return Figures(
            accuracy=Figure(value=self.accuracy, low=self.accuracy_low, high=self.accuracy_high),
            macro_f1=Figure(value=self.macro_f1, low=self.macro_f1_low, high=self.macro_f1_high),
        )


class Metrics(Measured):
    """What is read of reports/metrics.json."""

    rows: Count
    baseline: Measured


class Limit(Known):
    """A budget of reports/gate.json."""

    name: Text
    measured: float
    most: float
    holds: bool


class Gate(Known):
    """What is read of reports/gate.json."""

    verdict: Literal["promote", "keep", "block"]
    reasons: Annotated[tuple[Line, ...], Field(max_length=50)]
    budgets: Annotated[tuple[Limit, ...], Field(max_length=50)]
    champion: Bundle | None
    bundle: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Champion(Section):
    """champion.json."""

    bundle: Bundle | None


@dataclass(frozen=True)
class Handover:
    """What was handed over, checked; `files` are the texts to commit by path: all of them, or none."""

    report: Report
    files: Mapping[str, str] = field(default_factory=dict)
    metrics: Metrics | None = None
    gate: Gate | None = None
    resolved: Mapping[str, Any] = field(default_factory=dict)


def read(folder: Path) -> Handover:
    """The handover in a folder. Raises UserError for whatever is not exactly as it must be."""
    if folder.is_symlink() or not folder.is_dir():
        raise UserError(f"{folder} is no folder with a handover.")
    names = {*COMMITTED, REPORT, "reports"}
    for path in folder.rglob("*"):
        if path.relative_to(folder).as_posix() not in names:
            raise refused(path.relative_to(folder).as_posix()[:100], "no file of a handover")
    report = checked(Report, REPORT, text_of(folder, REPORT, MOST_REPORT))
    if report.outcome != "reported":
        return Handover(report)
    files = {name: text_of(folder, name, most) for name, most in COMMITTED.items()}
    gate = checked(Gate, "reports/gate.json", files["reports/gate.json"])
    if gate.champion != checked(Champion, "champion.json", files["champion.json"]).bundle:
        raise refused("reports/gate.json", "it was made against another champion than champion.json names")
    check_lock(files)
    return Handover(
        report,
        files,
        checked(Metrics, "reports/metrics.json", files["reports/metrics.json"]),
        gate,
        plain_yaml("resolved.yaml", files["resolved.yaml"]),
    )


def check_lock(files: Mapping[str, str]) -> None:
    """Raise UserError unless dvc.lock records the other files with the hashes that they have."""
    lock = plain_yaml("dvc.lock", files["dvc.lock"])
    for name, (stage, kind) in RECORDED.items():
        if recorded(lock, stage, kind, name) != md5(files[name]):
            raise refused("dvc.lock", f"it describes another {name} than was handed over")
    if not recorded(lock, "package", "outs", "models/bundle"):
        raise refused("dvc.lock", "it names no bundle")


def recorded(lock: Mapping[str, Any], stage: str, kind: str, path: str) -> str | None:
    """The hash that a dvc.lock holds of a file or folder that a stage reads (`deps`) or writes (`outs`)."""
    try:
        found = [each["md5"] for each in lock["stages"][stage][kind] if each["path"] == path]
    except (KeyError, TypeError):
        return None
    return found[0] if len(found) == 1 and isinstance(found[0], str) else None


def md5(text: str) -> str:
    """The hash by which DVC knows a file."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def text_of(folder: Path, name: str, most: int) -> str:
    """A file of a handover. Raises UserError for one that is missing, too large, no text or a link."""
    path = folder / name
    for each in (path, *(parent for parent in path.parents if parent.is_relative_to(folder) and parent != folder)):
        # through a link this job's own files would be read and committed
        if each.is_symlink():
            raise refused(name, "a link")
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise refused(name, "no file")
        if found.st_size > most:
            raise refused(name, f"of {found.st_size:,} bytes, and {most:,} are the most")
        return path.read_bytes().decode()
    except FileNotFoundError as error:
        raise refused(name, "missing") from error
    except UnicodeDecodeError as error:
        raise refused(name, "no text") from error


def checked(kind: type[M], name: str, text: str) -> M:
    """A file's JSON as it must be. Raises UserError."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(each)[:40] for each in first["loc"][:6]) or "all of it"
        raise refused(name, visible(f"{where}: {first['msg'][:200]}")) from error


class PlainLoader(yaml.SafeLoader):
    """YAML without aliases: a few of them would stand for more than any memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """As the base's. Raises YAMLError for an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def plain_yaml(name: str, text: str) -> dict[str, Any]:
    """A file's mapping. Raises UserError for what is none."""
    try:
        found = yaml.load(text, PlainLoader)  # noqa: S506  # it is a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise refused(name, "no plain YAML") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise refused(name, "no mapping")
    return found


def refused(name: str, why: str) -> UserError:
    """The error for a file of a handover."""
    return UserError(f"the handover is refused: {name!r}: {why}. Nothing was committed.")


def to_json(report: Report) -> str:
    """report.json."""
    return json.dumps(report.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
