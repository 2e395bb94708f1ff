"""Composes `params.yaml` and `conf/` with Hydra, and checks every value before anything is spent."""

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from slipway.config.explain import Layer, choose, explain, keys_of, nest, read_yaml
from slipway.config.root import Resolved, Runtime
from slipway.config.section import Section
from slipway.errors import UserError

PARAMS = Path("params.yaml")
CONF = Path("conf")
RESOLVED_SECTIONS = tuple(Resolved.model_fields)
RUNTIME_SECTIONS = tuple(Runtime.model_fields)
S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Order:
    """What `params.yaml` asks for: one choice a group, and single values (nested by section)."""

    choices: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def read_order(path: Path = PARAMS, conf: Path = CONF) -> Order:
    """Read and check the order form. Raises UserError naming file and key."""
    content = read_yaml(path)
    groups = sorted(_groups(conf) - set(RUNTIME_SECTIONS))
    choices: dict[str, str] = {}
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key == "set":
            if not isinstance(value, dict):
                raise UserError(f"{path}: set: is a mapping of values, e.g. `set: {{train: {{epochs: 5}}}}`.")
            values = nest(value, f"{path}: set")
            for section in RUNTIME_SECTIONS:
                if section in values:
                    raise UserError(f"{path}: set.{section}: {_of_one_run(f'{section}.KEY=VALUE')}")
            for group in groups:
                if group in values and not isinstance(values[group], dict):
                    raise UserError(f"{path}: set.{group}: choose it at the top: `{group}: {values[group]}`.")
        elif key in RUNTIME_SECTIONS:
            raise UserError(f"{path}: {key}: {_of_one_run(f'{key}={value}')}")
        elif key not in groups:
            raise UserError(f"{path}: {key}: unknown key; {choose(key, [*groups, 'set'])}")
        elif value is not None:
            choices[key] = _option(path, conf, key, value)
    return Order(choices, values)


def resolve(order: Order, conf: Path = CONF, params: Path = PARAMS) -> tuple[Resolved, dict[str, Any]]:
    """Compose and check the sections that define the model: the checked value and the plain mapping of it."""
    mapping, layers = _compose(order, {}, conf, params)
    plain = {name: mapping[name] for name in mapping if name not in RUNTIME_SECTIONS}
    checked = _check(Resolved, plain, layers)
    return checked, checked.model_dump(mode="json")


def runtime(overrides: Sequence[str] = (), conf: Path = CONF) -> Runtime:
    """Compose and check `compute` and `tracking`: choices of one run, from conf/, the environment and the command line.

    `SLIPWAY_COMPUTE` chooses the group `compute`;
    `SLIPWAY_OVERRIDES` holds further `key=value` words; both reach a verb through `dvc repro`.
    Raises UserError for a key of any other section.
    """
    for name in [name for name in os.environ if name.startswith(("SLIPWAY_", "MLFLOW_"))]:
        if not os.environ[name]:
            del os.environ[name]  # a variable or secret that a workflow lacks comes as an empty text
    given = {"the command line": [*overrides], "SLIPWAY_OVERRIDES": environment_overrides()}
    for word in (word for words in given.values() for word in words):
        if word.lstrip("+~").partition("=")[0].partition(".")[0] not in RUNTIME_SECTIONS:
            raise UserError(f"{word}: {_of_no_run(word.lstrip('+~'), conf)}")
    mapping, layers = _compose(Order(), given, conf, PARAMS)
    return _check(Runtime, {name: mapping[name] for name in RUNTIME_SECTIONS if name in mapping}, layers)


def environment_overrides() -> list[str]:
    """The overrides that come by environment variable, so that they pass through `dvc repro`."""
    compute = os.environ.get("SLIPWAY_COMPUTE")
    given = os.environ.get("SLIPWAY_OVERRIDES", "")
    try:
        return ([f"compute={compute}"] if compute else []) + shlex.split(given)
    except ValueError as error:
        raise UserError(
            f"SLIPWAY_OVERRIDES: {given!r} cannot be split into words: {error}.",
        ) from error


def _compose(
    order: Order, overrides: Mapping[str, Sequence[str]], conf: Path, params: Path
) -> tuple[dict[str, Any], list[Layer]]:
    """The resolved mapping, and the layers it was made of, strongest first. `overrides` are words by their origin."""
    if not (conf / "config.yaml").is_file():
        raise UserError(f"{conf / 'config.yaml'} is missing: run this in the project's folder.")
    for path in sorted(conf.rglob("*.yaml")):
        read_yaml(path)  # Hydra would not say which file is broken
    words = [f"{group}={option}" for group, option in order.choices.items()]
    words += [word for origin in reversed(list(overrides.values())) for word in origin]
    layers = [Layer(origin, nest(_assignments(given), origin)) for origin, given in overrides.items()]
    layers.append(Layer(str(params), order.values, inside=("set",)))
    try:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(conf.resolve()), version_base="1.3"):
            composed = hydra_compose("config", overrides=words, return_hydra_config=True)
        chosen = {
            str(group): str(option)
            for group, option in composed.hydra.runtime.choices.items()
            if option is not None and not str(group).startswith("hydra/")
        }
        if "experiment" in chosen:
            experiment = conf / "experiment" / f"{chosen.pop('experiment')}.yaml"
            layers.append(Layer.of(experiment, ()))
            if "experiment" in composed:
                raise UserError(f"{experiment}: its first line must be `# @package _global_`.")
        for group, option in chosen.items():
            layers += _layers(conf / group, option, group)
        layers.append(Layer.of(conf / "config.yaml", ()))
        OmegaConf.set_struct(composed, False)
        del composed["hydra"]
        merged = OmegaConf.merge(composed, order.values)
        mapping = OmegaConf.to_container(merged, resolve=True, throw_on_missing=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_rephrase(error, conf, layers)) from error
    assert isinstance(mapping, dict)
    return {str(key): value for key, value in mapping.items()}, layers


def _layers(folder: Path, option: str, section: str) -> list[Layer]:
    """The layer of one file of a group, and of the files that its defaults list starts from (`base/rules@_here_`)."""
    layer = Layer.of(folder / f"{option}.yaml", (section,))
    starts = [str(name).partition("@")[0] for name in layer.values[section].get("defaults", []) if name != "_self_"]
    return [layer, *(each for name in reversed(starts) for each in _layers(folder, name, section))]


def _check(kind: type[S], mapping: dict[str, Any], layers: list[Layer]) -> S:
    try:
        return kind.model_validate_json(json.dumps(mapping))
    except ValidationError as error:
        raise UserError(explain(error, kind, layers)) from error


def _of_one_run(word: str) -> str:
    return (
        "where a model is trained and who watches is no part of the model. "
        f"Choose it for one run: SLIPWAY_OVERRIDES='{word}' dvc repro."
    )


def _of_no_run(word: str, conf: Path) -> str:
    """What to say of a `word` that is no choice of one run: how it is set instead, or which there are."""
    key = word.partition("=")[0]
    section = key.partition(".")[0]
    groups = _groups(conf)
    if section not in {*groups, *RESOLVED_SECTIONS} or (key == section and key not in groups):
        return f"unknown key; {choose(section, [*RUNTIME_SECTIONS, *sorted(groups - set(RUNTIME_SECTIONS))])}"
    return (
        f"only {' and '.join(RUNTIME_SECTIONS)} are choices of one run. To train another model edit {PARAMS}, "
        f"or `dvc exp run -S '++{'' if key == section else 'set.'}{word}'`."
    )


def _groups(conf: Path) -> set[str]:
    return {folder.name for folder in conf.iterdir() if folder.is_dir() and any(folder.glob("*.yaml"))}


def _option(path: Path, conf: Path, group: str, value: object) -> str:
    options = sorted(file.stem for file in (conf / group).glob("*.yaml"))
    if value not in options:
        raise UserError(f"{path}: {group}: {conf / group} has no {value!r}; {choose(str(value), options)}")
    return str(value)


def _assignments(overrides: Sequence[str]) -> dict[str, Any]:
    pairs = (word.lstrip("+").partition("=") for word in overrides if "=" in word)
    return {key: value for key, _, value in pairs if "." in key}


def _rephrase(error: Exception, conf: Path, layers: Sequence[Layer]) -> str:
    """Hydra's and OmegaConf's own errors, in one line that says what to do."""
    missing = getattr(error, "missing_cfg_file", None)
    if missing:
        folder, _, option = str(missing).rpartition("/")
        options = sorted(file.stem for file in (conf / folder).glob("*.yaml"))
        if options:
            return f"{conf / folder} has no {option!r}; {choose(option, options)}"
        return f"{conf} has no group {folder or option!r}; {choose(folder or option, sorted(_groups(conf)))}"
    line = " ".join(str(error).split("\n")[0].split())
    if isinstance(error, OverrideParseException):
        return f"{error.override}: no key=value that Hydra can read: {line}"
    unknown = re.match(r"Could not override '(\w+)\.(\S+)'", line)
    if unknown and unknown[1] in Runtime.model_fields:
        keys = keys_of(Runtime.model_fields[unknown[1]].annotation)
        place = next((layer.name for layer in layers if layer.holds([unknown[1], *unknown[2].split(".")])), str(conf))
        if unknown[2] in keys:
            return f"{place}: {unknown[1]}.{unknown[2]}: the {unknown[1]} that is chosen has no such key, another has."
        if unknown[2].partition(".")[0] == "tags":
            return f"{place}: {unknown[1]}.{unknown[2]}: no such tag yet; `+{unknown[1]}.{unknown[2]}=...` adds one."
        return f"{place}: {unknown[1]}.{unknown[2]}: unknown key; {choose(unknown[2], keys)}"
    key = getattr(error, "full_key", None)
    if not key:
        return f"{conf}: {line}"
    layer = next((layer for layer in layers if layer.holds(key.split("."))), None)
    return f"{layer.place(key.split('.')) if layer else conf}: {key}: {line}"
