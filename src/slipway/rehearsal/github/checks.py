"""What checks say of a commit: check runs of GitHub Actions' jobs, and commit statuses."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import SITE, Answer, Call, Json
from slipway.rehearsal.github.contents import resolved
from slipway.rehearsal.github.event import now
from slipway.rehearsal.github.forms import ACTIONS, BOT, THEN

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

GREEN = ("success", "neutral", "skipped")


@dataclass(frozen=True)
class Check:
    """A job of a workflow, as the commit's page tells it; without a conclusion it still runs."""

    id: int
    sha: str
    name: str
    conclusion: str | None
    run_id: int
    at: str


@dataclass(frozen=True)
class Status:
    """What somebody said of a commit, by a context."""

    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    user: str
    at: str


def missing(github: "GitHub", required: list[Json], sha: str) -> list[str]:
    """The contexts that are not green for a commit: the latest of a name counts, of the app that is asked for."""
    found = []
    for each in required:
        name, app = each["context"], each.get("integration_id")
        runs = (
            [check for check in github.checks if (check.sha, check.name) == (sha, name)]
            if app in (None, ACTIONS)
            else []
        )
        said = [
            status
            for status in github.statuses
            if (status.sha, status.context) == (sha, name) and (app is None or (app == ACTIONS and status.user == BOT))
        ]
        green = [runs[-1].conclusion in GREEN] if runs else []
        green += [said[-1].state == "success"] if said else []
        if not green or not all(green):
            found.append(name)
    return found


def _app(github: "GitHub") -> Json:
    owner = {"login": "github", "id": 9919, "node_id": forms.node("Organization", 9919), "type": "Organization"}
    told = {"id": ACTIONS, "slug": "github-actions", "node_id": forms.node("App", ACTIONS), "name": "GitHub Actions"}
    told |= {"owner": forms.user(github, github.owner) | owner, "description": "Automate your workflow", "events": []}
    told |= {"external_url": "https://help.github.com/en/actions", "html_url": f"{SITE}/apps/github-actions"}
    return told | {"created_at": THEN, "updated_at": THEN, "permissions": {"checks": "write"}}


def _check(github: "GitHub", check: Check) -> Json:
    url, html = f"{github.api}/check-runs/{check.id}", f"{github.site}/actions/runs/{check.run_id}/job/{check.id}"
    output = dict.fromkeys(("title", "summary", "text")) | {"annotations_count": 0}
    output |= {"annotations_url": f"{url}/annotations"}
    told = {"id": check.id, "node_id": forms.node("CheckRun", check.id), "head_sha": check.sha, "name": check.name}
    told |= {"url": url, "html_url": html, "details_url": html, "external_id": str(check.id), "output": output}
    told |= {"status": "completed" if check.conclusion else "in_progress", "conclusion": check.conclusion}
    told |= {"started_at": check.at, "completed_at": check.at if check.conclusion else None, "pull_requests": []}
    return told | {"check_suite": {"id": check.run_id}, "app": _app(github)}


def list_checks(github: "GitHub", call: Call) -> Answer:
    """The latest of each name, with `filter=all` every one."""
    sha, query = resolved(github, call.words["ref"], 422, "No commit found for SHA"), call.query
    found = [check for check in github.checks if check.sha == sha]
    if query.get("filter", "latest") == "latest":
        found = list({check.name: check for check in found}.values())
    told = [_check(github, check) for check in reversed(found) if query.get("check_name", check.name) == check.name]
    app = query.get("app_id", str(ACTIONS))
    told = [each for each in told if query.get("status", each["status"]) == each["status"] and app == str(ACTIONS)]
    return call.page(told, "check_runs")


def _status(github: "GitHub", status: Status) -> Json:
    creator = forms.user(github, status.user)
    told = {"id": status.id, "node_id": forms.node("Status", status.id), "state": status.state, "creator": creator}
    told |= {"url": f"{github.api}/statuses/{status.sha}", "avatar_url": creator["avatar_url"]}
    told |= {"context": status.context, "description": status.description, "target_url": status.target_url}
    return told | {"created_at": status.at, "updated_at": status.at}


def create_status(github: "GitHub", call: Call) -> Answer:
    """Say something of a commit."""
    sha, body = resolved(github, call.words["sha"], 422, "No commit found for SHA"), call.body
    context = body.get("context", "default")
    rest = (body.get("description"), body.get("target_url"), call.caller.login, now())
    github.statuses.append(Status(github.next_id(), sha, context, body["state"], *rest))
    return Answer(201, _status(github, github.statuses[-1]))


def combined_status(github: "GitHub", call: Call) -> Answer:
    """The latest of each context, and all in one."""
    sha = resolved(github, call.words["ref"], 422, "No commit found for SHA")
    latest = {status.context: status for status in github.statuses if status.sha == sha}
    states = {status.state for status in latest.values()}
    bad = states & {"error", "failure"}
    state = "failure" if bad else "success" if states == {"success"} else "pending"
    told = [_status(github, status) for status in latest.values()]
    url = f"{github.api}/commits/{sha}"
    found = {"state": state, "sha": sha, "total_count": len(told), "statuses": told, "url": f"{url}/status"}
    return Answer(200, found | {"commit_url": url, "repository": forms.repository(github)})
