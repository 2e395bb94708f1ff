"""Reads `resolved.yaml`, the one file that says what this checkout trains."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import yaml
from pydantic import TypeAdapter, ValidationError

from slipway.errors import UserError
from slipway.files import written_by

T = TypeVar("T")
RESOLVED = Path("resolved.yaml")


@overload
def read(key: str, kind: type[T], path: Path = ...) -> T: ...
@overload
def read(key: str, kind: object, path: Path = ...) -> Any: ...
def read(key: str, kind: Any, path: Path = RESOLVED) -> Any:
    """The value at a dotted `key` of resolved.yaml, checked and built as `kind` (a section or a union of them).

    Raises UserError where the file or key is missing or does not fit, naming both.
    """
    with written_by("compose", path):
        value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            raise UserError(
                f"{path} has no key {key}: run `slipway compose` to write it anew.",
            )
        value = value[part]
    try:
        return TypeAdapter(kind).validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([key, *_keys(value, first["loc"])])
        raise UserError(
            f"{path}: {where}: {first['msg']}. Run `slipway compose` to write it anew.",
        ) from error


def _keys(value: Any, location: Sequence[int | str]) -> Iterator[str]:
    """The keys as they stand in the file: pydantic's location also names which variant of a union was tried."""
    for part in location:
        if isinstance(value, dict) and part not in value and part == value.get("kind"):
            continue
        yield str(part)
        value = value.get(part) if isinstance(value, dict) else None
