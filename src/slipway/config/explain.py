"""Says where a wrong configuration value was written, and what would be right there."""

import contextlib
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from slipway.errors import UserError


@dataclass(frozen=True)
class Layer:
    """One place that values come from: its name, its values by section, and the keys they stand under in the file."""

    name: str
    values: dict[str, Any]
    inside: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: Path, section: tuple[str, ...]) -> "Layer":
        """The layer of one file under conf/, whose content belongs under `section`."""
        values = read_yaml(path) if path.is_file() else {}
        for name in reversed(section):
            values = {name: values}
        return cls(str(path), values)

    def holds(self, keys: Sequence[str]) -> bool:
        """Whether this layer writes the value at `keys`, or something that it lies in."""
        value: Any = self.values
        for key in keys:
            if not isinstance(value, dict):
                return True
            if key not in value:
                return False
            value = value[key]
        return True

    def value(self, keys: Sequence[str]) -> Any:
        """What this layer writes at `keys`, or None."""
        value: Any = self.values
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def place(self, keys: Sequence[str]) -> str:
        """FILE:LINE of the deepest of `keys`, or the layer's name alone."""
        line = self.line(keys)
        return f"{self.name}:{line}" if line else self.name

    def line(self, keys: Sequence[str]) -> int | None:
        """The line (from 1) that writes the deepest of `keys` in the layer's file, or None where there is none."""
        path = Path(self.name)
        if not path.is_file():
            return None
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        full = [*self.inside, *keys]
        # a file of a group does not name its group
        lines = (_deepest(node, ".".join(full[start:]))[1] for start in range(len(full)))
        return next((line for line in lines if line), None)


def _deepest(node: Any, key: str) -> tuple[int, int | None]:
    """How much of a dotted `key` no mapping under `node` holds, in characters, and the line that holds the rest."""
    found: tuple[int, int | None] = len(key), None
    for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if f"{key}.".startswith(f"{name.value}."):  # `train.epochs: 5` is a key too
            left, line = _deepest(value, key[len(name.value) + 1 :])
            if left < found[0]:
                found = left, line or name.start_mark.line + 1
    return found


def explain(error: ValidationError, kind: type[BaseModel], layers: Sequence[Layer]) -> str:
    """One line for each wrong value: file:line, key, what is wrong, what would be right.

    `layers` are ordered from the strongest: the first that writes the key is the one to mend.
    """
    lines = []
    for detail in error.errors():
        keys, annotation = _walk(kind, detail["loc"])
        layer = next((layer for layer in layers if keys and layer.holds(keys)), None)
        if detail["type"] in ("extra_forbidden", "missing") and (clash := _clash(keys[:-1], layer, layers)):
            lines.append(clash)
            continue
        if layer is None:
            layer = next((layer for layer in layers if keys[:-1] and layer.holds(keys[:-1])), layers[-1])
        lines.append(f"{layer.place(keys)}: {'.'.join(keys)}: {_words(detail, keys, annotation)}")
    return "\n".join(dict.fromkeys(lines))


def _clash(section: list[str], writer: Layer | None, layers: Sequence[Layer]) -> str | None:
    """What to say where a layer sets the `kind` of a section, and the `writer` of a wrong key there meant another.

    `writer` is None where a key is missing. None where no two layers disagree over the kind.
    """
    keys = [*section, "kind"]
    saying = [layer for layer in layers if layer.value(keys) is not None]
    other = next((layer for layer in saying if layer.value(keys) != saying[0].value(keys)), None)
    if other is None or writer not in (None, other):
        return None
    kind, group, file = saying[0].value(keys), section[0], Path(other.name)
    files = sorted(file.parent.glob("*.yaml"))
    fitting = [f"`{group}: {each.stem}`" for each in files if Layer.of(each, (group,)).value(keys) == kind]
    mend = f"Choose a file that describes it, at the top: {', '.join(fitting)}, or a copy of {file}."
    if not fitting:
        mend = f"No file describes it: write one, or keep to {file}."
    return (
        f"{saying[0].place(keys)}: {'.'.join(keys)}: {kind!r} has other keys than {other.value(keys)!r}, which {file} "
        f"describes. {mend}"
    )


def choose(word: str, options: Iterable[str]) -> str:
    """`did you mean X? choose one of ...`."""
    options = list(options)
    close = difflib.get_close_matches(word, options, n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + f"choose one of: {', '.join(options)}."


def nest(values: dict[Any, Any], where: str) -> dict[str, Any]:
    """`{"train.epochs": 5, "model": {"lr": 1}}` as one nested mapping; interpolations are refused.

    Where a key is given in both forms, the nested one counts: `dvc exp run -S` writes that.
    """
    nested: dict[str, Any] = {}
    for key in sorted(values, key=lambda key: "." not in str(key)):
        value = nest(values[key], f"{where}.{key}") if isinstance(values[key], dict) else values[key]
        if "${" in str(value):
            raise UserError(f"{where}.{key}: {value!r} is an interpolation; values here are taken as they stand.")
        for part in reversed(str(key).split(".")):
            value = {part: value}
        _merge(nested, value, where)
    return nested


def _merge(target: dict[str, Any], values: dict[str, Any], where: str) -> None:
    for key, value in values.items():
        both = isinstance(target.get(key), dict), isinstance(value, dict)
        if key in target and both[0] != both[1]:
            raise UserError(f"{where}: {key} is set to a value and to a mapping of values.")
        if all(both):
            _merge(target[key], value, f"{where}.{key}")
        else:
            target[key] = value


class _UniqueKeys(yaml.CSafeLoader):
    """A safe loader, in C, that refuses a key given twice, of which YAML's own keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node. Raises ConstructorError at the second of two equal keys."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} is given twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping. Raises UserError naming file and line."""
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506  # a SafeLoader
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run this in the project's folder.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}).") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: not valid YAML: {getattr(error, 'problem', error)}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds {type(value).__name__}, not a mapping of keys to values.")
    return value


def _walk(kind: Any, location: Sequence[int | str]) -> tuple[list[str], Any]:
    """The key path as it is written in YAML (pydantic adds the tag of a union), and the type expected there."""
    keys: list[str] = []
    for part in location:
        options = [option for option in _options(kind) if isinstance(option, type) and issubclass(option, BaseModel)]
        tagged = [option for option in options if str(part) in _tags(option)]
        if tagged and not any(part in option.model_fields for option in options):
            kind = tagged[0]
            continue
        keys.append(str(part))
        known = [option.model_fields[str(part)].annotation for option in options if part in option.model_fields]
        kind = known[0] if known else (options[0] if options else None)
    return keys, kind


def keys_of(section: Any) -> list[str]:
    """The keys of a section, or of all its variants."""
    return sorted({key for option in _options(section) for key in option.model_fields})


def _options(kind: Any) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _options(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [each for option in get_args(kind) for each in _options(option)]
    return [kind]


def _tags(option: type[BaseModel]) -> set[str]:
    return (
        {str(tag) for tag in get_args(option.model_fields["kind"].annotation)}
        if "kind" in option.model_fields
        else set()
    )


def _words(detail: ErrorDetails, keys: list[str], kind: Any) -> str:
    if detail["type"] == "extra_forbidden":
        known = kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
        return f"unknown key; {choose(keys[-1], known)}"
    if detail["type"] == "missing":
        return "missing; give it a value."
    message = detail["msg"].removeprefix("Value error, ")
    value = detail["input"]
    if detail["type"] == "float_type" and isinstance(value, str):
        with contextlib.suppress(ValueError):
            message += f"; YAML reads {value} as text, write {float(value)!r}"
    return message if isinstance(value, dict | list) else f"{message} (it is {value!r})."
