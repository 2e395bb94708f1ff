"""What each job of a workflow may do, and with whose code."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = ROOT / "terraform" / "bootstrap"
Rule = Callable[[Any], list[str]]

ROLE = re.compile(r'^ +([\w-]+) += \{ environment = (null|"[\w-]+"), main_only = (true|false)', re.MULTILINE)
VARIABLE = re.compile(r"\bvars\.(\w+)")
# a repository may set these besides; without them something is left out, and said
OPTIONAL = {
    "MLFLOW_TRACKING_URI",
    "SLIPWAY_ATTESTATIONS",
    "SLIPWAY_CODE_SECURITY",
}


def roles() -> dict[str, tuple[str | None, bool]]:
    """Environment of each role, and whether its jobs run for main alone: terraform/bootstrap/github.tf."""
    found = ROLE.findall((BOOTSTRAP / "github.tf").read_text(encoding="utf-8"))
    return {name: (None if told == "null" else told.strip('"'), main == "true") for name, told, main in found}


def trusted() -> set[tuple[str, str, str]]:
    """Subject's end, ref and role of each token that tests/aws/test_trust.py lets in."""
    spec = importlib.util.spec_from_file_location("trust", ROOT / "tests" / "aws" / "test_trust.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tail = re.compile(r"^repo:[^:]+:")
    return {(tail.sub("", token["sub"]), token["ref"], role) for _, token, role in module.TOKENS if role}


def variables() -> set[str]:
    """The repository's variables that terraform/bootstrap sets."""
    named = re.findall(r"^ {8}([A-Z0-9_]+) += ", (BOOTSTRAP / "outputs.tf").read_text(encoding="utf-8"), re.MULTILINE)
    return {*named, *(f"AWS_ROLE_{role.upper().replace('-', '_')}" for role in roles())}


def jobs_without_bounds(flows: Any) -> list[str]:
    """Jobs that say not what they may do, or for how long."""
    found = [name for name in flows.names() if flows[name].get("permissions") != {}]
    return found + [
        f"{name} {job}" for name, job, body in flows.jobs() if not {"permissions", "timeout-minutes"} <= set(body)
    ]


def roles_that_are_not_trusted(flows: Any) -> list[str]:
    """Jobs that ask for a role in another environment, or for another event, than AWS lets them have it."""
    table, tokens, found = roles(), trusted(), []
    for name, job, body in flows.jobs():
        role, environment = flows.role(body), flows.environment(body)
        if (body["permissions"].get("id-token") == "write") != (role is not None):
            found.append(f"{name} {job}: id-token without a role, or a role without it")
        if role and table.get(role, ("?",))[0] != environment:
            found.append(f"{name} {job}: {role} in {environment}")
        for event in flows.events(name, job) if role else ():
            subject = f"environment:{environment}" if environment else event
            ref = "refs/pull/5/merge" if event == "pull_request" else "refs/heads/main"
            if (subject, ref, role) not in tokens:
                found.append(f"{name} {job}: {role} for {event}")
    return found


def forks_that_ask(flows: Any) -> list[str]:
    """Jobs that ask for a role where a fork's pull request may start them."""
    return [
        f"{name} {job}"
        for name, job, body in flows.jobs()
        if flows.role(body) and "pull_request" in flows.events(name, job) and not flows.spares_forks(name, job)
    ]


def rights_beside_foreign_code(flows: Any) -> list[str]:
    """What jobs may write that run a pull request's code: `train` its comment, one without a role its findings."""
    allowed = {"train": {"pull-requests"}, None: {"security-events"}}
    return [
        f"{name} {job}: {right}"
        for name, job, body in flows.jobs()
        if flows.runs_pull_request(name, job)
        for right in flows.writes(body) - allowed.get(flows.role(body), set())
    ]


def tokens_too_wide(flows: Any) -> list[str]:
    """GitHub's token anywhere but in the environment of a step that runs a command, and any other secret."""
    found = [name for name, text in flows.texts.items() if "secrets." in text or "secrets[" in text]
    commands = [(where, str(step.get("env"))) for where, step in flows.steps() if "run" in step]
    for name, text in flows.texts.items():
        told = sum(env.count("github.token") for where, env in commands if where.startswith(name))
        found += [name] if text.count("github.token") != told else []
    return found


def caches_that_give_rights(flows: Any) -> list[str]:
    """Jobs with rights to lose that take what a branch's code may have cached; and who fills it besides deploy."""
    found = []
    for name, job, body in flows.jobs():
        for step in flows.using(body, "./.github/actions/setup"):
            cache = step.get("with", {}).get("cache", "none")
            may_lose = flows.role(body) not in (None, "plan", "train", "report") or flows.writes(body) - {
                "pull-requests"
            }
            if (cache == "restore" and may_lose) or (cache == "save" and name != "deploy.yml"):
                found.append(f"{name} {job}: {cache}")
    return found


def credentials_that_stay(flows: Any) -> list[str]:
    """Checkouts that leave GitHub's token in the workspace."""
    return [
        where
        for where, step in flows.steps()
        if step.get("uses", "").startswith("actions/checkout@") and step["with"].get("persist-credentials") != "false"
    ]


def credentials_too_early(flows: Any) -> list[str]:
    """Jobs that are someone in AWS while packages are installed."""
    found = []
    for name, job, body in flows.jobs():
        used = [step.get("uses", "").split("@")[0] for step in body["steps"]]
        if flows.role(body):
            before = used[: used.index("aws-actions/configure-aws-credentials")]
            found += [] if "./.github/actions/setup" in before else [f"{name} {job}"]
    return found


def variables_that_nobody_sets(flows: Any) -> list[str]:
    """Variables of the repository that neither bootstrap nor a person sets."""
    used = {name for text in flows.texts.values() for name in VARIABLE.findall(text)}
    return sorted(used - variables() - OPTIONAL)


def other_ways_to_production(flows: Any) -> list[str]:
    """What releases outside of deploy.yml, and applies another root than platform by make."""
    found = []
    for where, step in flows.steps():
        command, elsewhere = step.get("run", "").strip(), not where.startswith("deploy.yml")
        if elsewhere and re.search(r"slipway (release|roll-back)", command):
            found.append(where)
        if re.search(r"make (apply|plan|bootstrap|destroy)", command) and not command.endswith(" ROOT=platform"):
            found.append(where)
    return found


REPORT = "      name: report\n      deployment: false\n    permissions:\n      contents: "
SUBMIT = "      id-token: write # AWS knows the job by it\n"
PERSIST = "          persist-credentials: false\n"
SAME = "head.repo.full_name == github.repository"
COMPUTE = "      SLIPWAY_COMPUTE: sagemaker"
BUCKET = "vars.SLIPWAY_BUCKET"
RULES: list[tuple[Rule, str, str, str]] = [
    (jobs_without_bounds, "ci.yml", "    timeout-minutes: 90\n", ""),
    (jobs_without_bounds, "ci.yml", "    permissions:\n      contents: read\n", ""),
    (jobs_without_bounds, "ci.yml", "permissions: {}", "permissions: read-all"),
    (roles_that_are_not_trusted, "report.yml", "vars.AWS_ROLE_REPORT", "vars.AWS_ROLE_OPERATE"),
    (roles_that_are_not_trusted, "report.yml", "      name: report\n", "      name: production\n"),
    (roles_that_are_not_trusted, "infra.yml", "    environment: infra\n", ""),
    (roles_that_are_not_trusted, "deploy.yml", "on:\n", "on:\n  pull_request:\n"),
    (roles_that_are_not_trusted, "train.yml", SUBMIT, ""),
    (roles_that_are_not_trusted, "ci.yml", "      contents: read\n", "      id-token: write\n"),
    (forks_that_ask, "infra.yml", SAME, "head.repo.full_name != ''"),
    (forks_that_ask, "train.yml", SAME, "head.repo.full_name != ''"),
    (rights_beside_foreign_code, "report.yml", f"{REPORT}read", f"{REPORT}write"),
    (rights_beside_foreign_code, "train.yml", SUBMIT, f"      actions: write\n{SUBMIT}"),
    (rights_beside_foreign_code, "report.yml", PERSIST, f"{PERSIST}          ref: ${{{{ matrix.sha }}}}\n"),
    (tokens_too_wide, "train.yml", COMPUTE, "      GITHUB_TOKEN: ${{ github.token }}"),
    (tokens_too_wide, "ci.yml", "run: dvc repro", "run: dvc repro\n        env: {KEY: '${{ secrets.KEY }}'}"),
    (caches_that_give_rights, "deploy.yml", "          cache: save", "          cache: restore"),
    (caches_that_give_rights, "report.yml", "          cache: restore", "          cache: save"),
    (credentials_that_stay, "ci.yml", PERSIST, "          persist-credentials: true\n"),
    (credentials_that_stay, "train.yml", PERSIST, ""),
    (credentials_too_early, "infra.yml", "uses: ./.github/actions/setup", "uses: ./.github/actions/none"),
    (variables_that_nobody_sets, "train.yml", BUCKET, f"{BUCKET}S"),
    (other_ways_to_production, "infra.yml", "make apply ROOT=platform", "make apply ROOT=serving ENV=staging"),
    (
        other_ways_to_production,
        "report.yml",
        "slipway sweep",
        "slipway release staging",
    ),
]
