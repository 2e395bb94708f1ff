"""A push and the API see the same repository."""

import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from slipway.rehearsal.github import GitHub
from slipway.rehearsal.github.git import GitError

from .conftest import Job, events, names

WRITE = {"contents": "write"}


def job(github: GitHub, **permissions: str) -> Job:
    """A job with those permissions."""
    return Job(github, github.token_for(permissions))


def head(github: GitHub, branch: str = "main") -> str:
    return github.git.refs()[f"refs/heads/{branch}"]


def test_a_commit_made_by_the_api_is_what_a_clone_gets(github: GitHub, tmp_path: Path) -> None:
    ask = job(github, contents="write").ask
    blob = ask("POST", "git/blobs", {"content": b64encode(b"\x00\xff").decode(), "encoding": "base64"}).json()["sha"]
    rows = [
        {"path": "data/raw.bin", "mode": "100644", "type": "blob", "sha": blob},
        {"path": "README.md", "mode": "100644", "type": "blob", "sha": None},
        {"path": "new.txt", "mode": "100644", "type": "blob", "content": "new\n"},
    ]
    tree = ask("POST", "git/trees", {"base_tree": head(github), "tree": rows}).json()["sha"]
    commit = ask("POST", "git/commits", {"message": "By a job", "tree": tree, "parents": [head(github)]}).json()
    assert commit["author"]["name"] == "github-actions[bot]"
    made = ask("POST", "git/refs", {"ref": "refs/heads/experiment/one", "sha": commit["sha"]})
    assert made.status_code == 201
    token = github.as_user().remote()
    subprocess.run(["git", "clone", "-q", "-b", "experiment/one", token, "work"], cwd=tmp_path, check=True)
    work = tmp_path / "work"
    assert (work / "data/raw.bin").read_bytes() == b"\x00\xff"
    assert (work / "new.txt").read_text() == "new\n"
    assert not (work / "README.md").exists()
    assert events(github) == []


def test_what_is_pushed_is_what_the_api_tells_and_starts_workflows(github: GitHub) -> None:
    before = head(github)
    sha = github.as_user("mona", "write").commit("main", {"a/b.txt": "1\n"}, "Add b")
    [event] = events(github)
    assert (event.name, event.ref, event.sha, event.actor) == ("push", "refs/heads/main", sha, "mona")
    assert (event.payload["before"], event.payload["after"]) == (before, sha)
    assert event.payload["head_commit"]["added"] == ["a/b.txt"]
    assert event.payload["repository"]["full_name"] == "acme/texts"
    ask = job(github, contents="read").ask
    assert ask("GET", "git/ref/heads/main").json()["object"]["sha"] == sha
    assert ask("GET", f"commits/{sha}").json()["files"][0]["filename"] == "a/b.txt"


def test_a_ref_goes_forward_alone_unless_forced(github: GitHub) -> None:
    octocat = github.as_user()
    first, second = octocat.commit("side", {"a": "1"}), octocat.commit("side", {"a": "2"})
    ask = job(github, contents="write").ask
    refused = ask("PATCH", "git/refs/heads/side", {"sha": first})
    assert (refused.status_code, refused.json()["message"]) == (422, "Update is not a fast forward")
    assert head(github, "side") == second
    assert ask("PATCH", "git/refs/heads/side", {"sha": first, "force": True}).status_code == 200
    assert head(github, "side") == first
    taken = ask("POST", "git/refs", {"ref": "refs/heads/side", "sha": first})
    assert (taken.status_code, taken.json()["message"]) == (422, "Reference already exists")
    assert ask("PATCH", "git/refs/heads/none", {"sha": first}).json()["message"] == "Reference does not exist"
    assert ask("POST", "git/refs", {"ref": "refs/heads/x", "sha": "1" * 40}).status_code == 422
    assert ask("DELETE", "git/refs/heads/side").status_code == 204
    assert ask("GET", "git/ref/heads/side").status_code == 404


def test_a_file_is_read_and_a_folder_listed(github: GitHub) -> None:
    github.as_user().commit("main", {"notes/a.md": "one\n"})
    ask = job(github, contents="read").ask
    told = ask("GET", "contents/notes/a.md").json()
    assert (b64decode(told["content"]), told["encoding"]) == (b"one\n", "base64")
    assert [each["name"] for each in ask("GET", "contents/notes", ref="main").json()] == ["a.md"]
    assert ask("GET", "contents/none").status_code == 404


def test_a_job_may_change_no_workflow(github: GitHub) -> None:
    ask = job(github, contents="write").ask
    row = {"path": ".github/workflows/mine.yml", "mode": "100644", "type": "blob", "content": "on: push\n"}
    tree = ask("POST", "git/trees", {"base_tree": head(github), "tree": [row]}).json()["sha"]
    sha = ask("POST", "git/commits", {"message": "Mine", "tree": tree, "parents": [head(github)]}).json()["sha"]
    refused = ask("POST", "git/refs", {"ref": "refs/heads/mine", "sha": sha})
    assert refused.status_code == 422
    assert "without `workflows` permission" in refused.json()["message"]
    assert "refs/heads/mine" not in github.git.refs()


def test_a_push_without_the_right_is_refused(github: GitHub) -> None:
    for who in (github.as_user("reader", "read"), github.as_user("stranger")):
        with pytest.raises(GitError, match=r"403|denied|not found"):
            who.commit("main", {"a": "1"})
    assert names(github) == []


def test_a_protected_branch_takes_no_push_and_keeps_its_history(github: GitHub) -> None:
    octocat = github.as_user()
    first, second = head(github), octocat.commit("main", {"a": "1"})
    rules = [{"type": "deletion"}, {"type": "non_fast_forward"}]
    body = {"name": "kept", "enforcement": "active", "rules": rules}
    conditions = {"ref_name": {"include": ["~DEFAULT_BRANCH", "refs/heads/kept"], "exclude": []}}
    made = octocat.do("POST", "rulesets", body | {"conditions": conditions})
    octocat.commit("main", {"a": "2"})
    refused = octocat.ask("PATCH", "git/refs/heads/main", {"sha": first, "force": True})
    assert (refused.status_code, "Cannot force-push" in refused.json()["message"]) == (422, True)
    octocat.commit("kept", {"a": "3"})
    assert octocat.ask("DELETE", "git/refs/heads/kept").status_code == 422
    parameters = {
        "dismiss_stale_reviews_on_push": True,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_approving_review_count": 0,
        "required_review_thread_resolution": False,
    }
    asked = [*rules, {"type": "pull_request", "parameters": parameters}]
    octocat.do("PUT", f"rulesets/{made['id']}", body | {"rules": asked, "conditions": conditions})
    with pytest.raises(GitError, match="Changes must be made through a pull request"):
        octocat.commit("main", {"a": "4"})
    sha = octocat.commit("side", {"a": "5"})
    by_job = job(github, contents="write").ask("PATCH", "git/refs/heads/main", {"sha": sha})
    assert (by_job.status_code, "through a pull request" in by_job.json()["message"]) == (422, True)
    assert github.git.is_ancestor(second, head(github))


def test_skip_ci_starts_nothing(github: GitHub) -> None:
    github.as_user().commit("main", {"a": "1"}, "Tidy up [skip ci]")
    assert names(github) == []
