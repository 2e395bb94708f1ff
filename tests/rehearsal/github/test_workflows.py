"""Workflows are started by hand and from outside as GitHub starts them; jobs deploy where they may."""

import pytest

from slipway.rehearsal.github import CUSTOM, GitHub

from .conftest import Job, events, names


@pytest.mark.parametrize(
    ("workflow", "ref", "inputs", "status", "said"),
    [
        ("ci.yml", "main", {"name": "a", "more": "1"}, 422, 'Unexpected inputs provided: ["more"]'),
        ("ci.yml", "main", {}, 422, "Required input 'name' not provided"),
        ("ci.yml", "main", {"name": "a", "size": "huge"}, 422, "not in the list of allowed values"),
        ("ci.yml", "none", {"name": "a"}, 422, "No ref found for: none"),
        ("told.yml", "main", {}, 422, "Workflow does not have 'workflow_dispatch' trigger"),
        ("none.yml", "main", {}, 404, "Not Found"),
    ],
)
def test_a_dispatch_that_the_workflow_does_not_know_is_refused(
    github: GitHub, workflow: str, ref: str, inputs: dict[str, str], status: int, said: str
) -> None:
    job = Job(github, github.token_for({"actions": "write"}))
    refused = job.ask("POST", f"actions/workflows/{workflow}/dispatches", {"ref": ref, "inputs": inputs})
    assert refused.status_code == status
    assert said in refused.json()["message"]
    assert names(github) == []


def test_a_job_starts_another_workflow_of_a_branch(github: GitHub, pull: int) -> None:
    job = Job(github, github.token_for({"actions": "write"}))
    body = {"ref": "change", "inputs": {"name": "a", "force": True}}
    assert job.ask("POST", "actions/workflows/ci.yml/dispatches", body).status_code == 204
    [event] = events(github)
    assert (event.name, event.ref, event.actor) == ("workflow_dispatch", "refs/heads/change", "github-actions[bot]")
    assert event.sha == github.pulls[pull].head_sha
    assert event.payload["inputs"] == {"name": "a", "size": "small", "force": "true"}
    assert event.payload["workflow"] == ".github/workflows/ci.yml"


def test_a_dispatch_from_outside_runs_in_main_and_is_bounded(github: GitHub, pull: int) -> None:
    octocat = github.as_user()
    payload = {"job": "slipway-1", "status": "Completed"}
    octocat.do("POST", "dispatches", {"event_type": "training-ended", "client_payload": payload})
    [event] = events(github)
    assert (event.payload["action"], event.payload["client_payload"]) == ("training-ended", payload)
    assert (event.ref, event.sha) == ("refs/heads/main", github.git.refs()["refs/heads/main"])
    many = {str(number): number for number in range(11)}
    large = {"a": "x" * 65536}
    for wrong in (many, large):
        body = {"event_type": "a", "client_payload": wrong}
        assert octocat.ask("POST", "dispatches", body).status_code == 422
    assert octocat.ask("POST", "dispatches", {"client_payload": {}}).status_code == 422


def test_runs_are_told(github: GitHub, pull: int) -> None:
    octocat = github.as_user()
    octocat.dispatch("ci.yml", {"name": "a"}, ref="change")
    [event] = events(github)
    number = github.start_run("ci.yml", "CI", event)
    ask = Job(github, github.token_for({"actions": "write"})).ask
    told = ask("GET", "actions/runs", branch="change", event="workflow_dispatch").json()
    assert [each["id"] for each in told["workflow_runs"]] == [number]
    assert (told["workflow_runs"][0]["status"], told["workflow_runs"][0]["head_sha"]) == ("in_progress", event.sha)
    other = github.start_run("ci.yml", "CI", event, "again 12")
    titles = [ask("GET", f"actions/runs/{each}").json()["display_title"] for each in (number, other)]
    assert titles == ["CI", "again 12"]
    github.end_run(number, "failure")
    assert ask("GET", f"actions/runs/{number}").json()["conclusion"] == "failure"
    assert ask("GET", "actions/workflows/ci.yml/runs", status="success").json()["total_count"] == 0


def test_an_environment_takes_its_branches_and_what_is_approved(github: GitHub) -> None:
    octocat = github.as_user()
    sha = github.git.refs()["refs/heads/main"]
    github.plan = "public"
    rules = {"deployment_branch_policy": CUSTOM, "reviewers": [{"type": "User", "id": 1}]}
    octocat.do("PUT", "environments/production", rules)
    octocat.do("POST", "environments/production/deployment-branch-policies", {"name": "main"})
    for ref in ("refs/heads/change", "refs/pull/1/merge", "refs/tags/main"):
        assert github.deploy("production", ref, sha, 1) is None
    github.approve = False
    assert github.deploy("production", "refs/heads/main", sha, 1) is None
    github.approve = True
    number = github.deploy("production", "refs/heads/main", sha, 1)
    assert number is not None
    github.deployed(number, "success", "https://live.example.com")
    [told] = github.deployments.values()
    assert (told.id, told.environment, told.ref, told.sha) == (number, "production", "main", sha)
    assert (told.states, told.address) == (["queued", "success"], "https://live.example.com")
    later = github.deploy("production", "refs/heads/main", sha, 2)
    assert later is not None
    github.deployed(later, "success", "")
    assert told.states[-1] == "inactive"


def test_where_an_image_comes_from_is_told_to_who_may_read_it(github: GitHub) -> None:
    github.attested("sha256:" + "a" * 64, {"mediaType": "a", "verificationMaterial": {}, "dsseEnvelope": {}})
    ask = Job(github, github.token_for({"attestations": "read"})).ask
    counts = [len(ask("GET", f"attestations/sha256:{each * 64}").json()["attestations"]) for each in "ab"]
    assert counts == [1, 0]
    refused = Job(github, github.token_for({"contents": "write"})).ask("GET", "attestations/sha256:" + "a" * 64)
    assert refused.status_code == 403


def test_an_environment_that_nobody_made_is_made_by_its_first_job(github: GitHub) -> None:
    github.deploy("preview", "refs/heads/main", github.git.refs()["refs/heads/main"], 1)
    assert github.as_user().do("GET", "environments")["environments"][0]["name"] == "preview"
