"""Pull requests go as at GitHub, and tell workflows what GitHub tells them."""

from typing import Any

import pytest

from slipway.rehearsal.github import GitHub, RefusedError

from .conftest import Job, events, names


def protect(github: GitHub, *contexts: str, strict: bool = True) -> None:
    """Main wants those checks of GitHub Actions, and pull requests."""
    checks = [{"context": name, "integration_id": 15368} for name in contexts]
    parameters = {"required_status_checks": checks, "strict_required_status_checks_policy": strict}
    body: dict[str, Any] = {"name": "main", "enforcement": "active", "target": "branch"}
    body |= {"conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}}
    github.as_user().do(
        "POST", "rulesets", body | {"rules": [{"type": "required_status_checks", "parameters": parameters}]}
    )


def test_its_life_starts_workflows(github: GitHub) -> None:
    octocat = github.as_user()
    octocat.commit("change", {"a.txt": "1\n"})
    number = octocat.open_pull_request("change", draft=True)
    octocat.label(number, "train")
    octocat.label(number, "train")
    sha = octocat.commit("change", {"a.txt": "2\n"})
    octocat.unlabel(number, "train")
    octocat.close(number)
    octocat.reopen(number)
    found = [each for each in events(github) if each.name == "pull_request"]
    assert [each.payload["action"] for each in found] == [
        "opened",
        "labeled",
        "synchronize",
        "unlabeled",
        "closed",
        "reopened",
    ]
    labeled, synchronized = found[1], found[2]
    assert labeled.payload["label"]["name"] == "train"
    assert labeled.payload["sender"]["login"] == "octocat"
    assert synchronized.payload["after"] == sha == synchronized.payload["pull_request"]["head"]["sha"]
    assert (synchronized.ref, synchronized.actor) == (f"refs/pull/{number}/merge", "octocat")
    assert synchronized.sha == synchronized.payload["pull_request"]["merge_commit_sha"]
    assert found[0].payload["pull_request"]["draft"] is True


def test_its_refs_follow_both_branches_and_conflicts_have_none(github: GitHub, pull: int) -> None:
    octocat = github.as_user()
    refs = github.git.refs("refs/pull/")
    assert refs[f"refs/pull/{pull}/head"] == github.git.refs()["refs/heads/change"]
    before = refs[f"refs/pull/{pull}/merge"]
    main = octocat.commit("main", {"b.txt": "1\n"})
    merge = github.git.refs("refs/pull/")[f"refs/pull/{pull}/merge"]
    assert merge != before
    assert github.git.commit(merge).parents == (main, github.git.refs()["refs/heads/change"])
    octocat.commit("main", {"a.txt": "another\n"})
    events(github)
    assert f"refs/pull/{pull}/merge" not in github.git.refs("refs/pull/")
    assert octocat.do("GET", f"pulls/{pull}")["mergeable"] is False
    with pytest.raises(RefusedError, match="not mergeable") as refused:
        octocat.merge(pull)
    assert refused.value.status == 405
    octocat.label(pull, "train")
    assert names(github) == []


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
def test_a_merge_pushes_and_closes(github: GitHub, pull: int, method: str, parents: int) -> None:
    before = github.git.refs()["refs/heads/main"]
    sha = github.as_user().merge(pull, method)
    found = events(github)
    closed = next(each for each in found if each.name == "pull_request")
    pushed = next(each for each in found if each.name == "push")
    assert len(found) == 2
    assert (closed.payload["action"], closed.payload["pull_request"]["merged"]) == ("closed", True)
    assert (closed.ref, closed.sha) == ("refs/heads/main", sha)
    assert (pushed.ref, pushed.payload["before"], pushed.sha) == ("refs/heads/main", before, sha)
    assert len(github.git.commit(sha).parents) == parents
    assert github.git.entry("refs/heads/main", "a.txt") is not None
    told = github.as_user().do("GET", f"pulls/{pull}")
    assert (told["state"], told["merged_by"]["login"], told["merge_commit_sha"]) == ("closed", "octocat", sha)


def test_a_merge_waits_for_the_checks_of_its_head(github: GitHub, pull: int) -> None:
    protect(github, "test", "model-gate")
    octocat = github.as_user()
    sha = github.pulls[pull].head_sha
    github.report_check(sha, "test", "success", 1)
    github.report_check(sha, "model-gate", "failure", 1)
    with pytest.raises(RefusedError, match='Required status check "model-gate" is expected') as refused:
        octocat.merge(pull)
    assert refused.value.status == 405
    github.report_check(sha, "model-gate", None, 2)
    with pytest.raises(RefusedError):
        octocat.merge(pull)
    github.report_check(sha, "model-gate", "success", 2)
    told = octocat.do("GET", f"commits/{sha}/check-runs")["check_runs"]
    assert {each["name"]: each["conclusion"] for each in told} == {"test": "success", "model-gate": "success"}
    assert told[0]["app"]["id"] == 15368
    assert octocat.merge(pull)


def test_checks_of_an_older_head_or_an_older_main_are_not_enough(github: GitHub, pull: int) -> None:
    protect(github, "test")
    octocat = github.as_user()
    github.report_check(github.pulls[pull].head_sha, "test", "success", 1)
    sha = octocat.commit("change", {"a.txt": "2\n"})
    with pytest.raises(RefusedError, match='"test" is expected'):
        octocat.merge(pull)
    github.report_check(sha, "test", "success", 2)
    github.rulesets[next(iter(github.rulesets))]["enforcement"] = "disabled"
    octocat.commit("main", {"b.txt": "1\n"})
    github.rulesets[next(iter(github.rulesets))]["enforcement"] = "active"
    with pytest.raises(RefusedError, match="not up to date"):
        octocat.merge(pull)


def test_a_merge_of_another_head_than_was_seen_is_refused(github: GitHub, pull: int) -> None:
    seen = github.pulls[pull].head_sha
    github.as_user().commit("change", {"a.txt": "2\n"})
    refused = github.as_user().ask("PUT", f"pulls/{pull}/merge", {"sha": seen})
    assert (refused.status_code, "Head branch was modified" in refused.json()["message"]) == (409, True)


def test_it_is_asked_for_once_and_found_by_its_branch(github: GitHub, pull: int) -> None:
    octocat = github.as_user()
    with pytest.raises(RefusedError, match="Validation Failed") as refused:
        octocat.open_pull_request("change")
    assert "A pull request already exists for acme:change" in str(refused.value.errors)
    with pytest.raises(RefusedError) as refused:
        octocat.open_pull_request("main")
    assert "No commits between" in str(refused.value.errors)
    with pytest.raises(RefusedError) as refused:
        octocat.open_pull_request("none")
    assert refused.value.errors[0]["field"] == "head"
    assert [each["number"] for each in octocat.do("GET", "pulls", head="acme:change")] == [pull]
    assert octocat.do("GET", "pulls", head="acme:other") == []
    assert octocat.do("GET", "pulls", state="closed") == []


def test_a_deleted_branch_closes_it(github: GitHub, pull: int) -> None:
    github.as_user().do("DELETE", "git/refs/heads/change")
    assert names(github) == ["pull_request closed"]
    assert github.pulls[pull].state == "closed"


def test_a_stranger_asks_from_a_fork_and_has_no_rights(github: GitHub) -> None:
    github.plan = "public"
    stranger = github.as_user("stranger")
    stranger.fork()
    sha = stranger.commit("mine", {"c.txt": "1\n"}, owner="stranger")
    number = stranger.open_pull_request("stranger:mine")
    [event] = events(github)
    told = event.payload["pull_request"]
    assert (told["head"]["repo"]["full_name"], told["head"]["repo"]["fork"]) == ("stranger/texts", True)
    assert (told["head"]["sha"], told["base"]["repo"]["fork"]) == (sha, False)
    assert github.git.refs("refs/pull/")[f"refs/pull/{number}/head"] == sha
    stranger.commit("mine", {"c.txt": "2\n"}, owner="stranger")
    assert names(github) == ["pull_request synchronize"]
    for do in (lambda: stranger.label(number, "train"), lambda: stranger.merge(number)):
        with pytest.raises(RefusedError) as refused:
            do()
        assert refused.value.status == 403
    stranger.comment(number, "please")
    permission = github.as_user().do("GET", "collaborators/stranger/permission")
    assert permission["permission"] == "read"
    stranger.close(number)
    assert names(github) == ["pull_request closed"]


def held(github: GitHub) -> list[tuple[str, str]]:
    """The runs that wait for somebody's approval: their files, and the heads of the pull requests."""
    told = github.as_user().do("GET", "actions/runs", status="action_required")["workflow_runs"]
    assert {(each["status"], each["conclusion"], each["event"]) for each in told} <= {
        ("completed", "action_required", "pull_request")
    }
    assert {each["actor"]["login"] for each in told} <= {"github-actions[bot]"}
    return [(each["path"].rpartition("/")[2], each["head_sha"]) for each in told]


def test_what_a_job_commits_waits_for_somebodys_approval(github: GitHub, pull: int) -> None:
    job = Job(github, github.token_for({"contents": "write"}))
    start = github.pulls[pull].head_sha
    tree = job.ask("POST", "git/trees", {"base_tree": start, "tree": [{"path": "b.txt", "content": "1"}]}).json()["sha"]
    body = {"message": "Report", "tree": tree, "parents": [start]}
    made = job.ask("POST", "git/commits", body).json()["sha"]
    assert job.ask("PATCH", "git/refs/heads/change", {"sha": made}).ok
    assert github.pulls[pull].head_sha == made
    assert names(github) == []
    assert held(github) == [("ci.yml", made)]
    assert github.as_user().do("GET", f"commits/{made}/check-runs")["check_runs"] == []


@pytest.mark.parametrize(
    ("filters", "files"),
    [
        ("types: [synchronize]", []),
        ("types: [reopened]", ["ci.yml", "more.yml"]),
        ("branches: [release]", []),
        ("paths: [a.txt]", ["ci.yml", "more.yml"]),
        ("paths: [b.txt]", []),
    ],
)
def test_what_an_event_does_not_start_waits_for_nobody(github: GitHub, filters: str, files: list[str]) -> None:
    octocat = github.as_user()
    more = f"on:\n  pull_request:\n    {filters}\njobs: {{}}\n"
    octocat.commit("change", {"a.txt": "1\n", ".github/workflows/more.yml": more})
    number = octocat.open_pull_request("change")
    job = Job(github, github.token_for({"pull-requests": "write"}))
    assert job.ask("PATCH", f"pulls/{number}", {"state": "closed"}).ok
    assert held(github) == []
    assert job.ask("PATCH", f"pulls/{number}", {"state": "open"}).ok
    assert sorted(file for file, _ in held(github)) == (files or ["ci.yml"])


def test_what_a_job_does_starts_nothing(github: GitHub, pull: int) -> None:
    job = Job(github, github.token_for({"pull-requests": "write", "contents": "write", "issues": "write"}))
    assert job.ask("POST", f"issues/{pull}/labels", {"labels": ["train"]}).ok
    assert job.ask("PATCH", f"pulls/{pull}", {"state": "closed"}).ok
    assert job.ask("PATCH", f"pulls/{pull}", {"state": "open"}).ok
    assert job.ask("PUT", f"pulls/{pull}/merge").ok
    assert names(github) == []


def test_a_job_opens_one_where_the_repository_lets_it(github: GitHub) -> None:
    octocat = github.as_user()
    octocat.commit("side", {"a": "1"})
    job = Job(github, github.token_for({"pull-requests": "write"}))
    body = {"title": "Side", "head": "side", "base": "main"}
    refused = job.ask("POST", "pulls", body)
    assert (refused.status_code, "not permitted to create" in refused.json()["message"]) == (403, True)
    octocat.do("PUT", "actions/permissions/workflow", {"can_approve_pull_request_reviews": True})
    made = job.ask("POST", "pulls", body)
    assert (made.status_code, made.json()["user"]["login"]) == (201, "github-actions[bot]")


def test_approvals_are_of_the_head_that_was_reviewed(github: GitHub, pull: int) -> None:
    octocat, mona = github.as_user(), github.as_user("mona", "write")
    parameters = {
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_approving_review_count": 1,
        "required_review_thread_resolution": False,
    }
    body = {"name": "main", "enforcement": "active", "rules": [{"type": "pull_request", "parameters": parameters}]}
    octocat.do(
        "POST", "rulesets", body | {"conditions": {"ref_name": {"include": ["~ALL"], "exclude": ["refs/heads/change"]}}}
    )
    with pytest.raises(RefusedError):
        octocat.approve(pull)
    mona.approve(pull)
    octocat.commit("change", {"a.txt": "2\n"})
    with pytest.raises(RefusedError, match="approving review"):
        octocat.merge(pull)
    mona.approve(pull)
    assert octocat.merge(pull)
