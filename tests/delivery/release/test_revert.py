"""A model that was taken back is taken back from main by a pull request: the right files, once, with checks begun."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.delivery.github.api import GitHub as Client
from slipway.delivery.release.revert import revert
from slipway.errors import UserError
from slipway.rehearsal.github.hub import GitHub

RIGHTS = {"contents": "write", "pull-requests": "write", "actions": "write"}
CI = "on:\n  workflow_dispatch:\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as github:
        github.workflow_permissions["can_approve_pull_request_reviews"] = True
        yield github
        assert github.violations == []


def git(folder: Path, *words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=folder, text=True).strip()


@pytest.fixture
def checkout(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """main with a model, whose image has a file that the next one lacks."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for key, value in (("user.name", "octocat"), ("user.email", "octocat@example.com")):
        git(tmp_path, "config", key, value)
    files = {".github/workflows/ci.yml": CI, "lambda/Dockerfile": "COPY lambda/code.py /\n", "lambda/code.py": "1\n"}
    write(tmp_path, files | model("first") | {"lambda/old.py": "", "readme.md": "1\n"})
    commit(github, tmp_path, "first")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def model(name: str) -> dict[str, str | None]:
    return {"dvc.lock": f"{name}\n", "reports/gate.json": f'{{"bundle": "{name}"}}\n'}


def write(folder: Path, files: dict[str, str | None]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.unlink()
        else:
            path.write_text(content, encoding="utf-8")


def commit(github: GitHub, folder: Path, message: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", message)
    github.as_user().push(folder, "main")
    return git(folder, "rev-parse", "HEAD")


def merge(github: GitHub, folder: Path) -> str:
    """A pull request with another model is merged; returns the merge."""
    git(folder, "switch", "--quiet", "-c", "model")
    write(folder, model("second") | {"lambda/old.py": None, "lambda/new.py": "1\n"})
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "second")
    git(folder, "switch", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--no-edit", "model")
    github.as_user().push(folder, "main")
    return git(folder, "rev-parse", "HEAD")


def client(github: GitHub) -> Client:
    return Client("acme/texts", github.token_for(RIGHTS), github.url, wait=lambda seconds: None)


def tree(github: GitHub, branch: str) -> dict[str, str]:
    """The files of a branch, and their content."""
    names = git(github.repository_path, "ls-tree", "-r", "--name-only", branch).splitlines()
    return {name: git(github.repository_path, "show", f"{branch}:{name}") for name in names}


def test_what_a_merge_brought_goes_and_what_came_after_stays(github: GitHub, checkout: Path) -> None:
    merged = merge(github, checkout)
    write(checkout, {"readme.md": "2\n"})
    tip = commit(github, checkout, "docs")
    pull = revert(client(github), tip, "main", "an alarm rang")
    assert pull is not None
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (f"revert/{merged[:12]}", "main")
    assert "an alarm rang" in pull["body"]
    found = tree(github, pull["head"]["ref"])
    assert (found["dvc.lock"], found["readme.md"]) == ("first", "2")
    assert {"lambda/old.py", "lambda/new.py"} & set(found) == {"lambda/old.py"}
    assert git(github.repository_path, "rev-parse", f"{pull['head']['ref']}^") == tip
    assert any(request.endswith("/workflows/ci.yml/dispatches") for request in github.requests)


def test_a_second_run_finds_the_pull_request_whatever_became_of_it(github: GitHub, checkout: Path) -> None:
    tip = merge(github, checkout)
    first = revert(client(github), tip, "main", "why")
    assert first is not None
    github.as_user().close(first["number"])
    again = revert(client(github), tip, "main", "why")
    assert again is not None
    assert again["number"] == first["number"]
    assert len(github.pulls) == 1


def test_a_run_that_was_cut_off_after_the_branch_is_ended_by_the_next(github: GitHub, checkout: Path) -> None:
    tip = merge(github, checkout)
    github.workflow_permissions["can_approve_pull_request_reviews"] = False
    with pytest.raises(UserError, match="allow it under Settings, Actions, General"):
        revert(client(github), tip, "main", "why")
    github.workflow_permissions["can_approve_pull_request_reviews"] = True
    assert revert(client(github), tip, "main", "why") is not None
    assert len(github.pulls) == 1


def test_what_is_in_the_way_is_told(github: GitHub, checkout: Path) -> None:
    merged = merge(github, checkout)
    write(checkout, {"lambda/new.py": "2\n"})
    commit(github, checkout, "mend the code")
    with pytest.raises(UserError, match=rf"{merged[:12]} cannot be taken back by itself.*git revert -m 1 {merged}"):
        revert(client(github), merged, "main", "why")


def test_the_first_model_of_all_has_nothing_before_it(github: GitHub, checkout: Path) -> None:
    with pytest.raises(UserError, match="there is nothing to go back to"):
        revert(client(github), git(checkout, "rev-parse", "HEAD"), "main", "why")


def test_a_later_merge_that_brought_no_other_image_stays(github: GitHub, checkout: Path) -> None:
    merged = merge(github, checkout)
    write(checkout, {"lambda/accepted.yaml": "- CVE\n"})
    tip = commit(github, checkout, "accept")
    pull = revert(client(github), tip, "main", "an alarm rang")
    assert pull is not None
    found = tree(github, pull["head"]["ref"])
    assert pull["head"]["ref"] == f"revert/{merged[:12]}"
    assert (found["reports/gate.json"], found["lambda/accepted.yaml"]) == ('{"bundle": "first"}', "- CVE")


def test_serving_code_that_was_rejected_is_taken_back_without_the_model(github: GitHub, checkout: Path) -> None:
    merge(github, checkout)
    write(checkout, {"lambda/code.py": "2\n"})
    tip = commit(github, checkout, "faster")
    pull = revert(client(github), tip, "main", "an alarm rang")
    assert pull is not None
    found = tree(github, pull["head"]["ref"])
    assert (found["lambda/code.py"], found["dvc.lock"]) == ("1", "second")


def test_nothing_is_taken_back_where_main_asks_for_another_model_by_now(github: GitHub, checkout: Path) -> None:
    merged = merge(github, checkout)
    write(checkout, model("third"))
    commit(github, checkout, "third")
    assert revert(client(github), merged, "main", "somebody went back from it") is None
    assert len(github.pulls) == 0
