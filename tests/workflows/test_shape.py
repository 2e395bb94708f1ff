"""How workflows are written: pins, commands, groups, the form. Each rule finds nothing, and does in a broken copy."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.__main__ import VERBS
from slipway.delivery.repository.ruleset import REQUIRED_CHECKS

ROOT = Path(__file__).resolve().parents[2]
Rule = Callable[[Any], list[str]]
USES = re.compile(r"^ *(?:- )?uses: (\S+)(?: # (v\d+\.\d+\.\d+))?$", re.MULTILINE)
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")


def expressions_in_commands(flows: Any) -> list[str]:
    """Commands that GitHub writes values into: whoever chose the value would write the command."""
    return [where for where, step in flows.steps() if "${{" in step.get("run", "")]


def actions_without_pins(flows: Any) -> list[str]:
    """Actions that are not named by a commit with its tag, or by several."""
    found, pins = [], set()
    for name, text in flows.texts.items():
        told = USES.findall(text)
        found += [name] if text.count("uses: ") != len(told) else []
        for action, tag in told:
            if action == "./.github/actions/setup":
                continue
            if not (PINNED.fullmatch(action) and tag):
                found.append(f"{name}: {action}")
            path, _, commit = action.partition("@")
            pins.add(("/".join(path.split("/")[:2]), commit, tag))
    repositories = [repository for repository, _, _ in pins]
    return found + [each for each in set(repositories) if repositories.count(each) > 1]


def commands_that_are_none(flows: Any) -> list[str]:
    """Other commands than one of `slipway`, `make` or `dvc` a step, and verbs and tasks that are none."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tasks = {task for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for task in line.split()}
    known = {"slipway": {name.replace("_", "-") for name in VERBS}, "make": tasks, "dvc": {"repro", "push", "pull"}}
    found = []
    for where, step in flows.steps():
        lines = step.get("run", "").strip().splitlines()
        words = lines[0].split() if lines else ["echo"]
        if words[0] in ("echo", "touch", "zizmor"):
            continue
        if len(lines) != 1 or set(lines[0]) & set("|;&<>`") or words[1] not in known.get(words[0], ()):
            found.append(where)
    return found


def required_checks_that_are_missing(flows: Any) -> list[str]:
    """Checks that main's rules wait for, which ci.yml does not bring for each pull request."""
    workflow = flows["ci.yml"]
    found = [each for each in ("pull_request", "merge_group", "workflow_dispatch") if workflow["on"].get(each, "no")]
    for check in REQUIRED_CHECKS:
        job = workflow["jobs"].get(check)
        if job is None or job.get("name", check) != check or {"if", "needs", "strategy"} & set(job):
            found.append(check)
    return found


def groups_of_several(flows: Any) -> list[str]:
    """Concurrency groups that several workflows share: what one starts would put the other's out of the queue."""
    owners: dict[str, set[str]] = {}
    for name in flows.names():
        for told in (flows[name], *flows[name]["jobs"].values()):
            if "concurrency" in told:
                group = told["concurrency"]["group"]
                owners.setdefault(re.sub(r"[-$].*", "", group) or group, set()).add(name)
    return [f"{group}: {sorted(names)}" for group, names in owners.items() if len(names) > 1]


def groups_that_break_off(flows: Any) -> list[str]:
    """Jobs in no group, in one for all pull requests, and those that change something and may be broken off."""
    found = []
    for name, job, body in flows.jobs():
        told = body.get("concurrency") or flows[name].get("concurrency")
        if not told:
            found.append(f"{name} {job}: no group")
            continue
        if "pull_request" in flows.events(name, job) and "number" not in told["group"]:
            found.append(f"{name} {job}: one for all pull requests")
        breaks = told.get("cancel-in-progress", "false")
        if breaks == "${{ github.event_name == 'pull_request' }}":
            breaks = str("pull_request" in flows.events(name, job)).lower()
        if breaks != "false" and (flows.role(body) not in (None, "plan") or "contents" in flows.writes(body)):
            found.append(f"{name} {job}: may be broken off")
    return found


PIN = "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
RULES: list[tuple[Rule, str, str, str]] = [
    (expressions_in_commands, "deploy.yml", 'roll-back "$VERSION"', "roll-back ${{ inputs.version }}"),
    (expressions_in_commands, "action.yml", "run: make setup", "run: make setup PYTHON=${{ inputs.python }}"),
    (actions_without_pins, "ci.yml", PIN, "@v7"),
    (actions_without_pins, "ci.yml", PIN, PIN.removesuffix(" # v7.0.1")),
    (actions_without_pins, "ci.yml", PIN, PIN.replace("3d", "4d")),
    (commands_that_are_none, "deploy.yml", "slipway desired", "slipway desire"),
    (commands_that_are_none, "infra.yml", "make apply", "make aply"),
    (commands_that_are_none, "ci.yml", "run: make test", "run: curl https://example.org | bash"),
    (commands_that_are_none, "ci.yml", "run: make test", "run: make test && make lint"),
    (required_checks_that_are_missing, "ci.yml", "  test:\n", "  tests:\n"),
    (required_checks_that_are_missing, "ci.yml", "  model-gate:\n", "  model-gate:\n    name: gate\n"),
    (required_checks_that_are_missing, "ci.yml", "  pull_request:\n", "  pull_request:\n    paths: [src/**]\n"),
    (required_checks_that_are_missing, "ci.yml", "  merge_group:\n", ""),
    (groups_of_several, "infra.yml", "group: infra-", "group: ci-"),
    (groups_that_break_off, "ci.yml", "github.event.pull_request.number || ", ""),
    (groups_that_break_off, "deploy.yml", "cancel-in-progress: false", "cancel-in-progress: true"),
    (groups_that_break_off, "report.yml", "concurrency:\n  group: report\n  cancel-in-progress: false\n", ""),
]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, *_ in RULES), ids=lambda rule: rule.__name__)
def test_there_are_no(rule: Rule, workflows: Any) -> None:
    assert rule(workflows) == []


@pytest.mark.parametrize(("rule", "name", "old", "new"), RULES, ids=[f"{each[0].__name__}-{each[3]}" for each in RULES])
def test_a_broken_copy_is_found(rule: Rule, name: str, old: str, new: str, broken: Callable[..., Any]) -> None:
    assert rule(broken(name, old, new))


def test_every_command_runs_in_a_bash_that_stops_at_an_error(workflows: Any) -> None:
    shells = [workflows[name]["defaults"]["run"]["shell"] for name in workflows.names()]
    shells += [step["shell"] for step in workflows["action.yml"]["runs"]["steps"] if "run" in step]
    assert set(shells) == {"bash"}


def test_the_event_is_the_one_that_terraform_sends(workflows: Any) -> None:
    target = (ROOT / "terraform" / "platform" / "github.tf").read_text(encoding="utf-8")
    sent = re.findall(r'\\"event_type\\": \\"([\w-]+)\\"', target)
    assert workflows["report.yml"]["on"]["repository_dispatch"]["types"] == sent


def test_the_form_offers_what_conf_has(workflows: Any) -> None:
    form = workflows["train.yml"]["on"]["workflow_dispatch"]["inputs"]
    for group in ("data", "model"):
        assert form[group]["options"] == sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))
    compute = yaml.safe_load((ROOT / "conf" / "compute" / "sagemaker.yaml").read_text(encoding="utf-8"))
    assert form["instance_type"]["options"] == ["default", *compute["prices_usd"]]


def test_the_form_is_good_where_it_names_a_pull_request_alone(workflows: Any) -> None:
    # as the sweep fills it in: GitHub refuses an empty choice
    inputs = workflows["train.yml"]["on"]["workflow_dispatch"]["inputs"]
    choices = {name: told for name, told in inputs.items() if told["type"] == "choice"}
    assert choices
    assert all(told.get("default") in told["options"] for told in choices.values())
    assert not any(told.get("required") for told in inputs.values())


def test_each_field_of_the_form_reaches_the_order(workflows: Any) -> None:
    form = workflows["train.yml"]["on"]["workflow_dispatch"]["inputs"]
    [step] = [step for _, step in workflows.steps() if step.get("run") == "slipway experiment"]
    given = {name: value for name, value in step["env"].items() if name.startswith("FORM_")}
    assert set(given) == {f"FORM_{name.upper()}" for name in form if name != "pull_request"}
    assert all(f"inputs.{name.removeprefix('FORM_').lower()}" in value for name, value in given.items())


def test_dependabot_looks_at_all_that_is_pinned() -> None:
    told = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    found = {
        (each["package-ecosystem"], folder)
        for each in told
        for folder in each.get("directories", [each.get("directory")])
    }
    roots = {("terraform", f"/terraform/{path.parent.name}") for path in ROOT.glob("terraform/*/.terraform.lock.hcl")}
    docker = {("docker", f"/{path.parent.name}") for path in ROOT.glob("*/*Dockerfile")}
    assert (
        roots | docker | {("pip", "/"), ("github-actions", "/"), ("github-actions", "/.github/actions/setup")} == found
    )
