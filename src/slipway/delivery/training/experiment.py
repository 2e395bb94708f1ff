"""The form *Run workflow*: an experiment's order as a commit on a branch of its own, and a draft pull request."""

import base64
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from slipway.config.compose import (
    PARAMS,
    RESOLVED_SECTIONS,
    RUNTIME_SECTIONS,
    read_order,
    resolve,
    runtime,
)
from slipway.config.compute import SageMakerCompute
from slipway.config.explain import read_yaml
from slipway.config.tracking import SECRET, USERINFO
from slipway.delivery.github import commit as git
from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub, GitHubError
from slipway.delivery.github.pulls import LABEL, propose
from slipway.delivery.github.sticky import State
from slipway.delivery.report.markdown import fenced
from slipway.errors import UserError

HEADER = "# The order form: what this branch trains, as someone asked by the form of train.yml.\n"
FORM = "experiment/"  # what branches of the form begin with
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_NAME, MOST_VALUES = 50, 4000  # characters
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+")
TYPE = re.compile(r"ml\.[a-z0-9-]{1,20}\.[a-z0-9]{1,20}")
# what is text to no one here, but is a command or a reference to some shell or to Hydra
ACTIVE = re.compile(r"\$[({]|`|[\x00-\x08\x0b-\x1f\x7f]")
# keys of AWS, GitHub and others, as they look
KEYS = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abprs]-|\bhf_\w{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
)


@dataclass(frozen=True)
class Experiment:
    """What the form asks for, checked: the branch, the text of params.yaml, and the choices of compute.

    `groups` and `values` are what it changes in the order that it starts from.
    """

    name: str
    params: str
    compute: tuple[str, ...]
    groups: Mapping[str, str]
    values: Mapping[str, Any]

    @property
    def branch(self) -> str:
        """Where it is committed."""
        return f"{FORM}{self.name}"


def read_form(form: Mapping[str, str], root: Path = Path()) -> Experiment:
    """The experiment that a form's fields ask for (FORM_NAME, FORM_DATA, ..., as text), after it was really composed.

    `root` is the checkout that the experiment starts from. Raises UserError naming the field that is wrong.
    """
    name = form.get("FORM_NAME", "").strip()
    if not NAME.fullmatch(name) or len(name) > MOST_NAME:
        raise UserError(
            f"name: {name!r} must be of lower-case letters and digits, with single dashes between, and of "
            f"{MOST_NAME} characters at most, as wider-bag: the branch is experiment/NAME."
        )
    told = {group: form.get(f"FORM_{group.upper()}", "").strip() for group in ("data", "model")}
    groups = {group: chosen for group, chosen in told.items() if chosen}
    for group, chosen in groups.items():
        check_text(group, chosen)
    changed = values(form.get("FORM_VALUES", ""))
    params = written(read_yaml(root / PARAMS), groups, changed)
    compose(params, root)
    return Experiment(name, params, compute(form, root), groups, changed)


def written(order: Mapping[str, Any], groups: Mapping[str, str], values: Mapping[str, Any]) -> str:
    """params.yaml: an order with other groups and values."""
    order = {**order, **groups, "set": overlaid(order.get("set") or {}, values)}
    return HEADER + yaml.safe_dump(order, sort_keys=False, allow_unicode=True, width=100)


def values(told: str) -> dict[str, Any]:
    """The values that words such as `train.epochs=5`, on one line or several, give to keys.

    Raises UserError for what is none, and for what may not be set here.
    """
    if len(told) > MOST_VALUES:
        raise UserError(f"values: more than {MOST_VALUES} characters: edit {PARAMS} on a branch instead.")
    check_text("values", told.replace("\r\n", "\n").replace("\n", " "))
    try:
        words = shlex.split(told)
    except ValueError as error:
        raise UserError(f"values: cannot be split into words ({error}): quote as in a shell, a='b c'.") from error
    found: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        section = key.partition(".")[0]
        if section in RUNTIME_SECTIONS or section.lstrip("+~") in RUNTIME_SECTIONS:
            raise UserError(
                f"values: {key}: where it is trained and who watches is no part of a model. The form has fields of its "
                "own for the machines; the rest is of the repository's variables and of conf/."
            )
        if not equals or not KEY.fullmatch(key) or section not in RESOLVED_SECTIONS:
            raise UserError(
                f"values: {word!r} is no KEY=VALUE with a key of {', '.join(RESOLVED_SECTIONS)}, as train.epochs=5; a "
                "group is chosen by the form's own field."
            )
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(f"values: {key}: {value!r} is no value of YAML.") from error
    return found


def check_text(field: str, told: str) -> None:
    """Raise UserError for what could be more than text to a shell or to Hydra, or is a secret."""
    if found := ACTIVE.search(told):
        raise UserError(
            f"{field}: {found[0]!r} may not be in it: the form takes plain values, no commands or references. "
            f"Interpolations belong in conf/, or in {PARAMS} on a branch."
        )
    if KEYS.search(told) or USERINFO.search(told) or SECRET.search(told):
        raise UserError(f"{field}: a password or key seems to be in it, and it would be in git for ever. Revoke it.")


def overlaid(old: dict[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Values of params.yaml, which may be nested, with others of dotted keys, which win."""
    found = dict(old)
    for dotted, value in new.items():
        place, parts = found, dotted.split(".")
        # what is there stays written as it is
        while len(parts) > 1 and isinstance(place.get(parts[0]), dict):
            place[parts[0]] = dict(place[parts[0]])
            place, parts = place[parts[0]], parts[1:]
        place[".".join(parts)] = value
    return found


def compose(params: str, root: Path) -> None:
    """Compose an order as the stage `compose` would. Raises UserError where it would."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / PARAMS
        file.write_text(params, encoding="utf-8")
        try:
            resolve(read_order(file, root / "conf"), root / "conf", file)
        except UserError as error:
            raise UserError(f"the form: {str(error).replace(str(file), str(PARAMS))}") from error


def compute(form: Mapping[str, str], root: Path) -> tuple[str, ...]:
    """The words of SLIPWAY_OVERRIDES for the form's choice of machines. Raises UserError where it cannot be."""
    kind, count, spot = (form.get(f"FORM_{name}", "").strip() for name in ("INSTANCE_TYPE", "INSTANCE_COUNT", "SPOT"))
    words: list[str] = []
    if kind:
        if not TYPE.fullmatch(kind):
            raise UserError(f"instance type: {kind!r} is no type of SageMaker's, as ml.g5.xlarge.")
        words.append(f"compute.instance_types=[{kind}]")
    if count:
        if not re.fullmatch(r"[1-9]\d?", count):
            raise UserError(f"instance count: {count!r} is no number from 1 to 20.")
        words.append(f"compute.instance_count={count}")
    if spot:
        if spot not in ("true", "false"):
            raise UserError(f"spot: {spot!r} must be true or false.")
        words.append(f"compute.spot={spot}")
    chosen = runtime(["compute=sagemaker", *words], root / "conf").compute
    assert isinstance(chosen, SageMakerCompute)
    unknown = [each for each in chosen.instance_types if each not in chosen.prices_usd]
    if kind and unknown and chosen.max_cost_usd is not None:
        raise UserError(
            f"instance type: no price of {unknown[0]} is known, so compute.max_cost_usd cannot be kept: add it to "
            "prices_usd in conf/compute/sagemaker.yaml."
        )
    return tuple(words)


def begin(github: GitHub, experiment: Experiment, parent: str, base: str) -> tuple[int, str]:
    """The number and head of the experiment's pull request, after all of it was made that was not there.

    `parent` is the commit of the checkout, `base` the branch that the pull request asks to merge into. Raises UserError
    where the branch holds another experiment.
    """
    branch = experiment.branch
    sha = git.tip(github, branch)
    if sha is None:
        tree = git.tree_with(github, git.look(github, parent).tree, {str(PARAMS): experiment.params})
        sha = git.commit(github, f"Train {experiment.name}", tree, parent)
        git.start(github, branch, sha)
    elif (there := contents(github, sha)) is None or (
        there != experiment.params and there != made_before(github, experiment, sha)
    ):
        raise UserError(
            f"name: the branch {branch} is there already, with another {PARAMS}: choose another name, or edit "
            f"{PARAMS} on that branch."
        )
    else:
        experiment = replace(experiment, params=there)
    number = pull_request(github, experiment, base)
    label(github, number)
    comment = sticky.find(github, number)
    if comment is None or comment.state is None:
        sticky.write(github, number, waiting(), State(sha=sha, compute=experiment.compute))
    elif comment.state.compute != experiment.compute:
        # what runs goes on where it is, and the next attempt is as it is asked for now
        state = comment.state.model_copy(update={"compute": experiment.compute, "asked": 0})
        sticky.write(github, number, sticky.body_of(comment.text), state)
    return number, sha


def label(github: GitHub, number: int) -> None:
    """Give the pull request its label. Raises UserError where the repository has no such label."""
    try:
        github.post(f"issues/{number}/labels", {"labels": [LABEL]}, look=lambda: labelled(github, number))
    except GitHubError as error:
        if error.status != 403:
            raise
        raise UserError(
            f"#{number} is made, and gets no label: a job may make none ({error}). `make bootstrap` makes it, or "
            f"`gh label create {LABEL}`; then run this again."
        ) from error


def made_before(github: GitHub, experiment: Experiment, sha: str) -> str | None:
    """params.yaml as the experiment changes the one that the commit `sha` was made on: main may have another by now."""
    parents = git.look(github, sha).parents
    try:
        order = yaml.safe_load((contents(github, parents[0]) if parents else None) or "")
        return written(order, experiment.groups, experiment.values)
    except (yaml.YAMLError, TypeError, ValueError, AttributeError):
        return None  # no order: somebody's own branch


def pull_request(github: GitHub, experiment: Experiment, base: str) -> int:
    """The number of the open pull request of the experiment's branch, which is made where there is none."""

    def find() -> Any:
        owner = github.repository.partition("/")[0]
        return next(github.pages("pulls", head=f"{owner}:{experiment.branch}", state="open"), None)

    if there := find():
        return int(there["number"])
    body = {
        "title": f"Experiment: {experiment.name}",
        "head": experiment.branch,
        "base": base,
        "body": f"Asked for by the form of train.yml. Its `{PARAMS}`:\n\n"
        + fenced(experiment.params.splitlines()[:200], language="yaml"),
        "draft": True,
    }
    return int(propose(github, body, find)["number"])


def labelled(github: GitHub, number: int) -> Any:
    """The pull request's labels where ours is among them, else None."""
    found = list(github.pages(f"issues/{number}/labels"))
    return found if any(each["name"] == LABEL for each in found) else None


def contents(github: GitHub, sha: str) -> str | None:
    """params.yaml of a commit; None where it has none."""
    found = github.find(f"contents/{PARAMS}", ref=sha)
    return base64.b64decode(found["content"]).decode() if isinstance(found, dict) else None


def waiting() -> str:
    """What the comment says before there is a job."""
    return "### Waiting\n\nIts job is about to be submitted."
