"""What checks say of a commit: those of GitHub Actions' jobs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import SITE, Answer, Call, Json
from slipway.rehearsal.github.contents import resolved
from slipway.rehearsal.github.forms import ACTIONS, THEN

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


def missing(github: "GitHub", required: list[Json], sha: str) -> list[str]:
    """The contexts that are not green for a commit: the latest of a name counts, of the app that is asked for."""
    found = []
    for each in required:
        name, app = each["context"], each.get("integration_id")
        runs = [check for check in github.checks if (check.sha, check.name) == (sha, name)]
        if app not in (None, ACTIONS) or not runs or runs[-1].conclusion not in GREEN:
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
