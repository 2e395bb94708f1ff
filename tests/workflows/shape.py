"""How workflows are written: pins, commands, groups, the form."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    known = {
        "slipway": {name.replace("_", "-") for name in VERBS},
        "make": tasks,
        "dvc": {"repro", "push", "pull"},
    }
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
    """Jobs in no group, in one for all branches or pull requests, or that change something and may be broken off."""
    found = []
    for name, job, body in flows.jobs():
        told = body.get("concurrency") or flows[name].get("concurrency")
        if not told:
            found.append(f"{name} {job}: no group")
            continue
        if "${{" not in told["group"]:
            found.append(f"{name} {job}: one for all branches")
        if "pull_request" in flows.events(name, job) and "number" not in told["group"]:
            found.append(f"{name} {job}: one for all pull requests")
        breaks = told.get("cancel-in-progress", "false")
        if breaks == "${{ github.event_name == 'pull_request' }}":
            breaks = str("pull_request" in flows.events(name, job)).lower()
        if breaks != "false" and (flows.role(body) not in (None, "plan") or "contents" in flows.writes(body)):
            found.append(f"{name} {job}: may be broken off")
    return found


def rows_that_harm_others(flows: Any) -> list[str]:
    """Jobs of several rows where one that fails ends the others, or hands over under the others' name."""
    found = []
    for name, job, body in flows.jobs():
        if "matrix" not in body.get("strategy", {}):
            continue
        if body["strategy"].get("fail-fast") != "false":
            found.append(f"{name} {job}: fail-fast")
        named = [step["with"]["name"] for step in body["steps"] if "actions/upload-artifact" in step.get("uses", "")]
        found += [f"{name} {job}: {each}" for each in named if "matrix." not in each]
    return found


def releases_of_what_nobody_looked_at(flows: Any) -> list[str]:
    """Jobs that release another commit than the one that was compared with what answers."""
    looked = "${{ needs.desired.outputs.commit }}"
    jobs = {job: flows["deploy.yml"]["jobs"][job]["steps"] for job in ("staging", "production")}
    refs = {
        job: [step["with"].get("ref") for step in steps if "checkout" in step.get("uses", "")]
        for job, steps in jobs.items()
    }
    return [job for job, found in refs.items() if found != [looked]]


PIN = "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
DESIRED = "slipway desired"
RULES: list[tuple[Rule, str, str, str]] = [
    (expressions_in_commands, "deploy.yml", 'roll-back "$VERSION"', "roll-back ${{ inputs.version }}"),
    (expressions_in_commands, "action.yml", "run: make setup", "run: make setup PYTHON=${{ inputs.python }}"),
    (actions_without_pins, "ci.yml", PIN, "@v7"),
    (actions_without_pins, "ci.yml", PIN, PIN.removesuffix(" # v7.0.1")),
    (actions_without_pins, "ci.yml", PIN, PIN.replace("3d", "4d")),
    (commands_that_are_none, "deploy.yml", DESIRED, DESIRED.removesuffix("d")),
    (commands_that_are_none, "infra.yml", "make apply", "make aply"),
    (commands_that_are_none, "ci.yml", "run: make test", "run: curl https://example.org | bash"),
    (commands_that_are_none, "ci.yml", "run: make test", "run: make test && make lint"),
    (required_checks_that_are_missing, "ci.yml", "  test:\n", "  tests:\n"),
    (required_checks_that_are_missing, "ci.yml", "  model-gate:\n", "  model-gate:\n    name: gate\n"),
    (required_checks_that_are_missing, "ci.yml", "  pull_request:\n", "  pull_request:\n    paths: [src/**]\n"),
    (required_checks_that_are_missing, "ci.yml", "  merge_group:\n", ""),
    (rows_that_harm_others, "report.yml", "      fail-fast: false\n", ""),
    (rows_that_harm_others, "report.yml", "name: handover-${{ matrix.number }}", "name: handover"),
    (releases_of_what_nobody_looked_at, "deploy.yml", "needs.desired.outputs.commit", "github.sha"),
    (groups_of_several, "infra.yml", "group: infra-", "group: ci-"),
    (groups_that_break_off, "ci.yml", "github.event.pull_request.number || ", ""),
    (groups_that_break_off, "deploy.yml", "cancel-in-progress: false", "cancel-in-progress: true"),
    (groups_that_break_off, "report.yml", "  group: report-${{ github.ref }}\n", "  group: report\n"),
    (groups_that_break_off, "infra.yml", "concurrency:\n  group:", "former:\n  group:"),
]
