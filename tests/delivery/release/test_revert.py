"""A model that was taken back is taken back from main by a pull request: the right files, once, with checks begun."""

import json
import subprocess
from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.delivery.github.api import GitHub as Client
from slipway.delivery.release.revert import revert
from slipway.delivery.release.wanted import wanted
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


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def model(name: str) -> dict[str, str | None]:
    gate = json.dumps({"bundle": digest(name), "verdict": "promote"})
    out = {"path": "reports/gate.json", "md5": md5(gate.encode(), usedforsecurity=False).hexdigest()}
    return {"dvc.lock": yaml.safe_dump({"stages": {"gate": {"outs": [out]}}}), "reports/gate.json": gate}


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


def pull_in(github: GitHub, folder: Path, branch: str) -> None:
    """Merge a branch of GitHub's."""
    git(folder, "fetch", "--quiet", str(github.repository_path), branch)
    git(folder, "merge", "--quiet", "--no-ff", "--no-edit", "FETCH_HEAD")
    github.as_user().push(folder, "main")


def image() -> str:
    """The image that the checkout asks for, as rejected."""
    asked = wanted()
    assert asked is not None
    return f"image:{asked.tag}"


def takes_back(github: GitHub, rejected: str) -> dict[str, Any]:
    pull = revert(client(github), rejected, "main", "an alarm rang")
    assert pull is not None
    return pull


def client(github: GitHub) -> Client:
    return Client("acme/texts", github.token_for(RIGHTS), github.url, wait=lambda seconds: None)


def tree(github: GitHub, branch: str) -> dict[str, str]:
    """The files of a branch, and their content."""
    names = git(github.repository_path, "ls-tree", "-r", "--name-only", branch).splitlines()
    return {name: git(github.repository_path, "show", f"{branch}:{name}") for name in names}


MODEL = f"bundle:{digest('second')}"


def test_what_a_merge_brought_goes_and_what_came_after_stays(github: GitHub, checkout: Path) -> None:
    merged = merge(github, checkout)
    write(checkout, {"readme.md": "2\n"})
    tip = commit(github, checkout, "docs")
    pull = takes_back(github, MODEL)
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (f"revert/{merged[:12]}", "main")
    assert "an alarm rang" in pull["body"]
    found = tree(github, pull["head"]["ref"])
    assert (found["reports/gate.json"], found["readme.md"]) == (model("first")["reports/gate.json"], "2")
    assert {"lambda/old.py", "lambda/new.py"} & set(found) == {"lambda/old.py"}
    assert git(github.repository_path, "rev-parse", f"{pull['head']['ref']}^") == tip
    assert any(request.endswith("/workflows/ci.yml/dispatches") for request in github.requests)


def test_a_second_run_finds_the_pull_request_whatever_became_of_it(github: GitHub, checkout: Path) -> None:
    merge(github, checkout)
    first = takes_back(github, MODEL)
    github.as_user().close(first["number"])
    again = takes_back(github, MODEL)
    assert (again["number"], again["state"]) == (first["number"], "closed")
    assert len(github.pulls) == 1


def test_a_run_that_was_cut_off_after_the_branch_is_ended_by_the_next(github: GitHub, checkout: Path) -> None:
    merge(github, checkout)
    github.workflow_permissions["can_approve_pull_request_reviews"] = False
    with pytest.raises(UserError, match="allow it under Settings, Actions, General"):
        revert(client(github), MODEL, "main", "why")
    github.workflow_permissions["can_approve_pull_request_reviews"] = True
    takes_back(github, MODEL)
    assert len(github.pulls) == 1


def test_what_is_in_the_way_is_told(github: GitHub, checkout: Path) -> None:
    merged = merge(github, checkout)
    write(checkout, {"lambda/new.py": "2\n"})
    commit(github, checkout, "mend the code")
    with pytest.raises(UserError, match=rf"{merged[:12]} cannot be taken back by itself.*git revert -m 1 {merged}"):
        revert(client(github), MODEL, "main", "why")


def test_the_first_model_of_all_has_nothing_before_it(github: GitHub, checkout: Path) -> None:
    with pytest.raises(UserError, match="there is nothing to go back to"):
        revert(client(github), f"bundle:{digest('first')}", "main", "why")


def test_a_later_merge_that_brought_no_other_image_stays(github: GitHub, checkout: Path) -> None:
    merged = merge(github, checkout)
    write(checkout, {"lambda/accepted.yaml": "- CVE\n"})
    commit(github, checkout, "accept")
    pull = takes_back(github, MODEL)
    found = tree(github, pull["head"]["ref"])
    assert pull["head"]["ref"] == f"revert/{merged[:12]}"
    assert (found["reports/gate.json"], found["lambda/accepted.yaml"]) == (model("first")["reports/gate.json"], "- CVE")


def test_serving_code_that_was_rejected_is_taken_back_without_the_model(github: GitHub, checkout: Path) -> None:
    merge(github, checkout)
    write(checkout, {"lambda/code.py": "2\n"})
    commit(github, checkout, "faster")
    found = tree(github, takes_back(github, image())["head"]["ref"])
    assert (found["lambda/code.py"], found["reports/gate.json"]) == ("1", model("second")["reports/gate.json"])


def test_of_two_merges_that_one_release_brought_the_rejected_one_is_taken_back(github: GitHub, checkout: Path) -> None:
    merged = merge(github, checkout)
    write(checkout, {"lambda/code.py": "2\n"})
    commit(github, checkout, "faster")
    pull = takes_back(github, MODEL)
    assert pull["head"]["ref"] == f"revert/{merged[:12]}"
    found = tree(github, pull["head"]["ref"])
    assert (found["lambda/code.py"], found["reports/gate.json"]) == ("2", model("first")["reports/gate.json"])
    pull_in(github, checkout, pull["head"]["ref"])
    # what is left is the code, which may be at fault, too
    other = takes_back(github, image())
    assert other["number"] != pull["number"]
    assert tree(github, other["head"]["ref"])["lambda/code.py"] == "1"


def test_a_rejected_model_that_is_merged_anew_is_taken_back_anew(github: GitHub, checkout: Path) -> None:
    merge(github, checkout)
    first = takes_back(github, MODEL)
    pull_in(github, checkout, first["head"]["ref"])
    assert revert(client(github), MODEL, "main", "why") is None
    write(checkout, model("second"))
    again = commit(github, checkout, "once more")
    second = takes_back(github, MODEL)
    assert (second["head"]["ref"], len(github.pulls)) == (f"revert/{again[:12]}", 2)


def test_nothing_is_taken_back_where_main_asks_for_another_model_by_now(github: GitHub, checkout: Path) -> None:
    merge(github, checkout)
    write(checkout, model("third"))
    commit(github, checkout, "third")
    assert revert(client(github), MODEL, "main", "somebody went back from it") is None
    assert len(github.pulls) == 0


def test_a_branch_that_moved_on_since_the_checkout_is_looked_at_anew(github: GitHub, checkout: Path) -> None:
    tip = merge(github, checkout)
    write(checkout, {"readme.md": "2\n"})
    commit(github, checkout, "docs")
    git(checkout, "reset", "--quiet", "--hard", tip)
    with pytest.raises(UserError, match=r"main has moved to [0-9a-f]{12}, which is not here: run the job again"):
        revert(client(github), MODEL, "main", "why")
