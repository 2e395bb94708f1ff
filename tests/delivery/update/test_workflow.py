"""template-update.yml itself, step by step as GitHub would run it: the pull request, and nothing twice."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.delivery.update.conftest import LINES, Site

from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.github.call import Caller
from slipway.rehearsal.github.event import emit
from slipway.rehearsal.runner import Runner
from slipway.rehearsal.runner.record import WorkflowRun

ROOT = Path(__file__).resolve().parents[3]
FILE = ".github/workflows/template-update.yml"
SETUP = ".github/actions/setup/action.yml"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("node") is None, reason="node is missing: GitHub's parser runs on it"),
]


@pytest.fixture
def runner(site: Site, tmp_path: Path) -> Iterator[Runner]:
    read = {name: (ROOT / name).read_text(encoding="utf-8") for name in (FILE, SETUP)}
    site.edit(**read, **{".gitignore": ".venv\n"})
    with EmulatedAws() as aws, Runner(site.github, aws, tmp_path / "runner") as runner:
        runner.pump()
        yield runner


def run(runner: Runner) -> list[WorkflowRun]:
    """Run what was started; gives it, and the words of what failed where something did."""
    runs = runner.pump()
    for step in (step for each in runs for step in each.steps if step.conclusion == "failure"):
        print(step.step, step.log)
    return runs


def test_it_proposes_what_is_new_once(site: Site, runner: Runner) -> None:
    site.edit(**{"a.txt": LINES.replace("line 2\n", "ours\n")})
    site.as_asked()
    [nothing] = run(runner)
    assert (nothing.conclusion, nothing.job("propose").result) == ("success", "skipped")
    after = site.news(**{"a.txt": LINES.replace("line 25\n", "theirs\n")})
    site.as_asked()
    runs = run(runner)
    # it starts ci.yml for its branch, since nothing else would
    assert {(Path(each.workflow).name, each.ref) for each in runs} == {
        ("template-update.yml", "refs/heads/main"),
        ("ci.yml", f"refs/heads/template/{after[:12]}"),
    }
    assert {each.conclusion for each in runs} == {"success"}
    [pull] = site.github.pulls.values()
    assert (pull.head_ref, pull.draft) == (f"template/{after[:12]}", False)
    merged = LINES.replace("line 2\n", "ours\n").replace("line 25\n", "theirs\n")
    assert site.github.git.run("show", f"{pull.head_sha}:a.txt") == merged.strip()
    # a week later, by its schedule
    tip = str(site.github.git.resolve("main"))
    emit(site.github, "schedule", {"schedule": "37 5 * * 1"}, "refs/heads/main", tip, Caller("octocat", "admin"))
    assert run(runner)[0].conclusion == "success"
    assert len(site.github.pulls) == 1


def test_what_fails_is_red(site: Site, runner: Runner, tmp_path: Path) -> None:
    site.news(**{"a.txt": f"{LINES}more\n"})
    site.template.rename(tmp_path / "elsewhere")
    site.as_asked()
    [failed] = run(runner)
    assert (failed.conclusion, failed.job("propose").result) == ("failure", "skipped")
    [step] = [step for step in failed.steps if step.conclusion == "failure"]
    assert "cruft update failed" in step.log


def test_a_project_without_a_template_is_left_alone(site: Site, runner: Runner) -> None:
    site.edit(**{".cruft.json": None})
    site.as_asked()
    [nothing] = run(runner)
    assert nothing.conclusion == "success"
    ran = {step.step for step in nothing.steps if step.outcome != "skipped"}
    assert "Set up" not in ran
