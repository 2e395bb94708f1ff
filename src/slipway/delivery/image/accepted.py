"""Findings of ECR's scan that a person has looked at, and lets pass until a day: lambda/accepted.yaml."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from slipway.delivery.image.registry import Finding
from slipway.errors import UserError

ACCEPTED = Path("lambda/accepted.yaml")


class Accepted(BaseModel):
    """One finding, by the name that the scan gives it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    until: date


def read_accepted(path: Path = ACCEPTED) -> list[Accepted]:
    """What the file says. Raises UserError where it says something else than a list of these."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(list[Accepted]).validate_python(content or [])
    except FileNotFoundError:
        return []
    except (yaml.YAMLError, ValidationError) as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "YAML"
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise UserError(f"{path}: {where}: {what}: a list of `name`, `reason` and `until`, a day.") from error


def check_findings(found: Iterable[Finding], accepted: list[Accepted], image: str) -> None:
    """Raise UserError where the scan of an image calls something critical that nobody lets pass today."""
    today = datetime.now(UTC).date()
    passed = {each.name for each in accepted if each.until >= today}
    left = sorted({(each.name, each.package) for each in found if each.name not in passed})
    if left:
        named = ", ".join(f"{name}{f' ({package})' if package else ''}" for name, package in left)
        raise UserError(
            f"{image}: the scan calls critical: {named}. A newer base image or lock (`make lock UPGRADE=--upgrade`) "
            f"mends most; what cannot hurt here may be named in {ACCEPTED}, with a reason and a last day."
        )
