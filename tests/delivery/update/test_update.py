"""What is new in the template comes as one pull request: edits stay, conflicts are named, workflows wait."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.delivery.update.conftest import LINES, Site, commit, git

from slipway.delivery.github.api import GitHub as Client
from slipway.delivery.update.patch import FACTS, PATCH, Update, read, take
from slipway.delivery.update.propose import propose
from slipway.errors import UserError

RIGHTS = {"contents": "write", "pull-requests": "write", "actions": "write"}


def taken(folder: Path) -> Update:
    """What is new, with the checkout as it was: another job proposes it."""
    update = take(folder)
    assert update is not None
    git(Path(), "reset", "--quiet", "--hard")
    git(Path(), "clean", "--quiet", "--force", "-d")
    return update


def proposed(site: Site, folder: Path) -> dict[str, Any]:
    client = Client("acme/texts", site.github.token_for(RIGHTS), site.github.url, wait=lambda seconds: None)
    return propose(client, *read(folder), "main", "7")


def shown(site: Site, branch: str, name: str) -> str:
    return subprocess.check_output(["git", "show", f"{branch}:{name}"], cwd=site.github.repository_path, text=True)


def test_edits_stay_and_news_arrive(site: Site, tmp_path: Path) -> None:
    site.edit(**{"a.txt": LINES.replace("line 2\n", "ours\n"), "gone.txt": None, "own.txt": "1\n"})
    news = {"a.txt": LINES.replace("line 25\n", "theirs\n"), "gone.txt": "y\n", "new.bin": "\0\1\r\n", "b.txt": None}
    after = site.news(**news)
    assert taken(tmp_path / "update").conflicts == []
    pull = proposed(site, tmp_path / "update")
    branch = f"template/{after[:12]}"
    assert (pull["head"]["ref"], pull["draft"]) == (branch, False)
    assert shown(site, branch, "a.txt") == LINES.replace("line 2\n", "ours\n").replace("line 25\n", "theirs\n")
    assert shown(site, branch, "new.bin") == "\0\1\n"  # as Python reads a line's end
    assert json.loads(shown(site, branch, ".cruft.json"))["commit"] == after
    names = git(site.github.repository_path, "ls-tree", "-r", "--name-only", branch).split()
    assert {"own.txt", "new.bin"} <= set(names)
    assert not {"gone.txt", "b.txt"} & set(names)
    assert any(request.endswith("/workflows/ci.yml/dispatches") for request in site.github.requests)


def test_the_same_lines_stand_between_marks_and_are_named(site: Site, tmp_path: Path) -> None:
    site.edit(**{"a.txt": LINES.replace("line 2\n", "ours\n")})
    after = site.news(**{"a.txt": LINES.replace("line 2\n", "theirs\n"), "b.txt": f"{LINES}more\n"})
    assert taken(tmp_path / "update").conflicts == ["a.txt"]
    pull = proposed(site, tmp_path / "update")
    assert pull["draft"]
    assert "- `a.txt`" in pull["body"]
    found = shown(site, f"template/{after[:12]}", "a.txt")
    assert "<<<<<<< " in found
    assert "ours\n=======\ntheirs\n>>>>>>> " in found
    assert shown(site, f"template/{after[:12]}", "b.txt").endswith("more\n")


def test_what_the_template_removed_and_the_project_changed_is_named(site: Site, tmp_path: Path) -> None:
    # as the template's own hook says it
    said = "print('b.txt stays: the template removed it, and this project changed it.')\n"
    commit(site.template, **{"hooks/post_gen_project.py": said})
    site.news(**{"a.txt": f"{LINES}more\n"})
    assert taken(tmp_path / "update").kept == ["b.txt"]
    pull = proposed(site, tmp_path / "update")
    assert not pull["draft"]
    assert "**Nothing was merged in these**: it removed what you have changed" in pull["body"]
    assert "- `b.txt`" in pull["body"]


def test_a_workflow_is_left_to_a_person_who_is_told_how(site: Site, tmp_path: Path) -> None:
    workflow = ".github/workflows/ci.yml"
    before = shown(site, "main", workflow)
    after = site.news(**{workflow: f"# new\n{before}", "a.txt": f"{LINES}more\n"})
    taken(tmp_path / "update")
    pull = proposed(site, tmp_path / "update")
    assert pull["draft"]
    assert shown(site, f"template/{after[:12]}", workflow) == before
    assert shown(site, f"template/{after[:12]}", "a.txt") == f"{LINES}more\n"
    # merged as it is, the project has still this to take
    assert json.loads(shown(site, f"template/{after[:12]}", ".cruft.json"))["commit"] != after
    # the commands that the pull request says, but for gh's
    git(site.project, "fetch", "--quiet", str(site.github.repository_path), f"template/{after[:12]}")
    git(site.project, "switch", "--quiet", "--detach", "FETCH_HEAD")
    [line] = [each for each in pull["body"].splitlines() if each.startswith("git apply")]
    *words, path = shlex.split(line.removesuffix(" &&"))
    assert path.endswith(f"/{PATCH}")
    subprocess.run([*words, str(tmp_path / "update" / PATCH)], check=True)
    assert (site.project / workflow).read_text() == f"# new\n{before}"
    assert json.loads((site.project / ".cruft.json").read_text())["commit"] == after
    assert git(site.project, "status", "--porcelain").splitlines() == ["M  .cruft.json", f"M  {workflow}"]


def test_workflows_alone_are_left_to_a_person_too(site: Site, tmp_path: Path) -> None:
    workflow = ".github/workflows/ci.yml"
    site.news(**{workflow: f"# new\n{shown(site, 'main', workflow)}"})
    taken(tmp_path / "update")
    pull = proposed(site, tmp_path / "update")
    assert pull["draft"]
    assert f"- `{workflow}`" in pull["body"]


def test_one_that_is_merged_without_its_workflows_is_told(site: Site, tmp_path: Path) -> None:
    workflow = ".github/workflows/ci.yml"
    site.news(**{workflow: f"# new\n{shown(site, 'main', workflow)}", "a.txt": f"{LINES}more\n"})
    taken(tmp_path / "update")
    number = proposed(site, tmp_path / "update")["number"]
    site.github.pulls[number].draft = False  # `gh pr ready`
    site.github.as_user().merge(number)
    git(site.project, "pull", "--quiet", str(site.github.repository_path), "main")
    taken(tmp_path / "again")
    with pytest.raises(
        UserError, match=rf"#{number} was merged without .*{workflow}.*: run `cruft update --skip-apply-ask`"
    ):
        proposed(site, tmp_path / "again")


def test_a_later_one_names_those_before(site: Site, tmp_path: Path) -> None:
    site.news(**{"a.txt": f"{LINES}more\n"})
    taken(tmp_path / "one")
    first = proposed(site, tmp_path / "one")
    assert "close what you do not merge" not in first["body"]
    site.news(**{"a.txt": f"{LINES}still more\n"})
    taken(tmp_path / "two")
    assert f"It brings all that #{first['number']} would" in proposed(site, tmp_path / "two")["body"]


def test_it_is_proposed_once_whatever_became_of_it(site: Site, tmp_path: Path) -> None:
    site.news(**{"a.txt": f"{LINES}more\n"})
    taken(tmp_path / "update")
    site.github.workflow_permissions["can_approve_pull_request_reviews"] = False
    with pytest.raises(UserError, match="allow it under Settings, Actions, General"):
        proposed(site, tmp_path / "update")
    site.github.workflow_permissions["can_approve_pull_request_reviews"] = True
    first = proposed(site, tmp_path / "update")
    site.github.as_user().close(first["number"])
    assert proposed(site, tmp_path / "update")["number"] == first["number"]
    assert len(site.github.pulls) == 1


def test_nothing_new_is_nothing_written(site: Site, tmp_path: Path) -> None:
    assert take(tmp_path / "update") is None
    assert not (tmp_path / "update").exists()


def test_main_that_moved_on_is_told(site: Site, tmp_path: Path) -> None:
    site.news(**{"a.txt": f"{LINES}more\n"})
    taken(tmp_path / "update")
    site.edit(**{"own.txt": "1\n"})
    with pytest.raises(UserError, match="main has moved on"):
        proposed(site, tmp_path / "update")


def test_what_git_cannot_merge_is_told(site: Site, tmp_path: Path) -> None:
    site.edit(**{"b.txt": LINES.replace("line 2\n", "ours\n")})
    site.news(**{"a.txt": f"{LINES}more\n", "b.txt": None})
    with pytest.raises(UserError, match=r"(?s)git could not merge .*\*\.rej files.*error: .*b\.txt"):
        take(tmp_path / "update")
    assert not (tmp_path / "update").exists()


def test_a_tree_that_is_not_clean_is_left_as_it_is(site: Site, tmp_path: Path) -> None:
    site.news(**{"a.txt": f"{LINES}more\n"})
    (site.project / "a.txt").write_text("mine\n")
    with pytest.raises(UserError, match="the tree is not clean"):
        take(tmp_path / "update")
    assert (site.project / "a.txt").read_text() == "mine\n"


def test_a_template_that_is_gone_is_told(site: Site, tmp_path: Path) -> None:
    site.template.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="cruft update failed"):
        take(tmp_path / "update")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "more").touch(), "and not update.patch and update.json alone"),
        (lambda folder: (folder / PATCH).unlink(), "and not update.patch and update.json alone"),
        (lambda folder: (folder / FACTS).write_text("{}"), "Field required"),
        (lambda folder: (folder / FACTS).write_text("nonsense"), "Invalid JSON"),
        (lambda folder: (folder / PATCH).write_bytes(b"nonsense"), "the update does not fit"),
        (lambda folder: (folder / PATCH).write_bytes(b"x" * 20_000_001), "bytes are no update"),
    ],
)
def test_what_was_handed_over_is_checked(site: Site, tmp_path: Path, spoil: Any, said: str) -> None:
    site.news(**{"a.txt": f"{LINES}more\n"})
    taken(tmp_path / "update")
    spoil(tmp_path / "update")
    with pytest.raises(UserError, match=said):
        proposed(site, tmp_path / "update")
    assert site.github.pulls == {}


def test_a_link_is_not_followed(site: Site, tmp_path: Path) -> None:
    site.news(**{"a.txt": f"{LINES}more\n"})
    taken(tmp_path / "update")
    (tmp_path / "update" / PATCH).rename(tmp_path / "patch")
    (tmp_path / "update" / PATCH).symlink_to(tmp_path / "patch")
    with pytest.raises(UserError, match="alone"):
        proposed(site, tmp_path / "update")
