"""Workflows: started by hand or from outside, and their runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import NOT_FOUND, Answer, Call, Json, RefusedError, known
from slipway.rehearsal.github.event import Event, emit
from slipway.rehearsal.runner.outside import Event as Started
from slipway.rehearsal.runner.trigger import starts

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

FOLDER = ".github/workflows"


@dataclass
class Run:
    """A run of a workflow; `status` is queued, in_progress or completed."""

    id: int
    number: int
    file: str
    name: str
    event: Event
    created_at: str
    updated_at: str
    title: str = ""
    status: str = "in_progress"
    conclusion: str | None = None


def workflow_id(file: str) -> int:
    """The number of a workflow's file, ever the same."""
    return 1000 + sum(file.encode()) * 31 % 100000


def _files(github: "GitHub", ref: str) -> Iterator[tuple[str, str]]:
    """The workflows at a ref: the names of their files, and their texts."""
    sha = github.git.resolve(ref)
    if sha is None or github.git.entry(sha, FOLDER) is None:
        return
    for each in github.git.entries(f"{sha}:{FOLDER}"):
        if each.path.endswith((".yml", ".yaml")):
            yield each.path, github.git.blob(each.sha).decode()


def _file(github: "GitHub", name: str, ref: str) -> tuple[str, str] | None:
    """A workflow's file at a ref, by its name or number, and its text."""
    return next((each for each in _files(github, ref) if name in (each[0], str(workflow_id(each[0])))), None)


def dispatch_workflow(github: "GitHub", call: Call) -> Answer:
    """Start a workflow of a branch or tag by hand, with the inputs that it names there."""
    ref, name = call.body["ref"], call.words["workflow_id"]
    branch = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if _file(github, name, f"refs/heads/{github.branch}") is None:
        # GitHub knows no workflow that was never on the default branch
        raise RefusedError(*NOT_FOUND)
    refs = github.git.refs()
    full = next((each for each in (f"refs/heads/{branch}", f"refs/tags/{branch}") if each in refs), None)
    if full is None:
        raise RefusedError(422, f"No ref found for: {ref}")
    found = _file(github, name, full)
    triggers = _triggers(_read(found[1])) if found else {}
    if found is None or "workflow_dispatch" not in triggers:
        raise RefusedError(422, "Workflow does not have 'workflow_dispatch' trigger")
    named = (triggers["workflow_dispatch"] or {}).get("inputs") or {}
    inputs = _inputs(named, call.body.get("inputs") or {})
    payload = {"inputs": inputs, "ref": full, "workflow": f"{FOLDER}/{found[0]}"}
    sha = github.git.resolve(full)
    assert sha is not None
    emit(github, "workflow_dispatch", payload, full, sha, call.caller)
    return Answer(204)


def _read(text: str) -> Json:
    told = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes strings, lists and dicts alone
    return told if isinstance(told, dict) else {}


def _triggers(workflow: Json) -> dict[str, Any]:
    told = workflow.get("on", {})
    if isinstance(told, str):
        return {told: None}
    return told if isinstance(told, dict) else dict.fromkeys(told)


def _inputs(named: dict[str, Json], told: Json) -> dict[str, str]:
    if unknown := [name for name in told if name not in named]:
        raise RefusedError(422, f"Unexpected inputs provided: {json.dumps(unknown)}")
    found = {}
    for name, form in named.items():
        each = form or {}
        value = told.get(name, each.get("default", ""))
        value = json.dumps(value) if isinstance(value, bool) else str(value)
        if each.get("required") == "true" and not value:
            raise RefusedError(422, f"Required input '{name}' not provided")
        if each.get("type") == "choice" and value not in each.get("options", []):
            raise RefusedError(422, f"Provided value '{value}' for input '{name}' not in the list of allowed values")
        if each.get("type") == "boolean" and value not in ("", "true", "false"):
            raise RefusedError(422, f"Provided value '{value}' for input '{name}' is not a boolean")
        found[name] = value
    return found


def dispatch_repository(github: "GitHub", call: Call) -> Answer:
    """Start what waits for an event from outside, in the default branch."""
    payload = call.body.get("client_payload", {})
    if len(json.dumps(payload)) >= 64 * 1024:
        raise RefusedError(422, "client_payload is too large")
    ref = f"refs/heads/{github.branch}"
    told = {"action": call.body["event_type"], "branch": github.branch, "client_payload": payload}
    sha = github.git.resolve(ref)
    if sha is not None:
        emit(github, "repository_dispatch", told, ref, sha, call.caller)
    return Answer(204)


def _title(run: Run) -> str:
    """What a run is listed as: its `run-name`, or what the event gives."""
    told = run.event.payload
    if run.event.name == "push":
        return run.title or str(told["head_commit"]["message"]).splitlines()[0]
    return run.title or str((told.get("pull_request") or {}).get("title") or run.name)


def hold(github: "GitHub", event: Event) -> None:
    """List a run of each workflow that an event of a pull request would start, had somebody approved it: without jobs,
    and so without checks.
    """
    pull = event.payload["pull_request"]

    def changed() -> list[str]:
        fork_point = github.git.run("merge-base", pull["base"]["sha"], pull["head"]["sha"])
        return [each.path for each in github.git.changes(fork_point, pull["head"]["sha"])]

    for file, text in _files(github, event.sha):
        told = _read(text)
        if starts({"on": _triggers(told)}, f"{FOLDER}/{file}", Started(*event), changed):
            github.end_run(github.start_run(file, told.get("name", f"{FOLDER}/{file}"), event), "action_required")


def _run(github: "GitHub", run: Run) -> Json:
    url, event = f"{github.api}/actions/runs/{run.id}", run.event
    branch = event.ref.removeprefix("refs/heads/")
    head = event.sha
    if "pull_request" in event.payload:
        branch, head = (event.payload["pull_request"]["head"][key] for key in ("ref", "sha"))
    number = workflow_id(run.file)
    told: Json = {f"{name}_url": f"{url}/{name}" for name in ("jobs", "logs", "cancel", "rerun", "artifacts")}
    told |= {"id": run.id, "node_id": forms.node("WorkflowRun", run.id), "name": run.name, "head_branch": branch}
    told |= {"head_sha": head, "path": f"{FOLDER}/{run.file}", "display_title": _title(run), "run_number": run.number}
    told |= {"event": event.name, "status": run.status, "conclusion": run.conclusion, "workflow_id": number}
    told |= {"run_attempt": 1, "url": url, "html_url": f"{github.site}/actions/runs/{run.id}"}
    told |= {"check_suite_url": f"{github.api}/check-suites/{run.id}", "check_suite_id": run.id}
    told |= {"workflow_url": f"{github.api}/actions/workflows/{number}", "pull_requests": []}
    told |= {"created_at": run.created_at, "updated_at": run.updated_at, "run_started_at": run.created_at}
    told |= {"actor": forms.user(github, event.actor), "triggering_actor": forms.user(github, event.actor)}
    commit = github.git.commit(head)
    told["head_commit"] = {"id": head, "tree_id": commit.tree, "message": commit.message} | {
        "timestamp": commit.committer.date,
        "author": {"name": commit.author.name, "email": commit.author.email},
        "committer": {"name": commit.committer.name, "email": commit.committer.email},
    }
    return told | dict.fromkeys(("repository", "head_repository"), forms.repository(github))


def list_runs(github: "GitHub", call: Call) -> Answer:
    """The newest first, of one workflow or of all."""
    query, wanted = call.query, call.words.get("workflow_id")
    found = []
    for run in sorted(github.runs.values(), key=lambda run: -run.id):
        told = _run(github, run)
        meets = [
            wanted is None or wanted in (run.file, str(workflow_id(run.file))),
            query.get("event", run.event.name) == run.event.name,
            query.get("branch", told["head_branch"]) == told["head_branch"],
            query.get("head_sha", told["head_sha"]) == told["head_sha"],
            query.get("actor", run.event.actor) == run.event.actor,
            query.get("status", run.status) in (run.status, run.conclusion),
        ]
        if all(meets):
            found.append(told)
    return call.page(found, "workflow_runs")


def get_run(github: "GitHub", call: Call) -> Answer:
    """One."""
    return Answer(200, _run(github, known(github.runs, call.number("run_id"))))
