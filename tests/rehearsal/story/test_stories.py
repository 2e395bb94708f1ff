"""The rehearsal is told to its end, and so is each scenario of what may go wrong: `make rehearse-all`.

The scenarios take more than an hour on two cores, so they run when they are asked for.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from slipway.delivery.terraform.root import binary
from slipway.errors import UserError
from slipway.rehearsal.__main__ import main
from slipway.rehearsal.runner.language import FILE
from slipway.rehearsal.story import scene
from slipway.rehearsal.story.scenarios import SCENARIOS
from slipway.rehearsal.story.timeline import Timeline
from slipway.rehearsal.story.world import World

pytestmark = [pytest.mark.slow, pytest.mark.rehearsal]


@pytest.fixture(autouse=True, scope="module")
def _tools() -> None:
    """Skip where a tool is missing."""
    try:
        binary()
    except UserError as error:
        pytest.skip(str(error))
    if shutil.which("gh") is None or not FILE.exists():
        pytest.skip(f"gh (https://cli.github.com) or {FILE.name} (`make rehearse` makes it) is missing")


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scene.Scene]:
    """One account, applied, with a first model in production; nobody changes it."""
    timeline = Timeline(Console(highlight=False, soft_wrap=True))
    with World(tmp_path_factory.mktemp("world"), timeline) as world:
        found = scene.prepare(world)
        world.pause()
        yield found


def test_the_story_is_told_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    assert main([]) == 0
    assert "Canary" in (tmp_path / "reports" / "rehearsal.html").read_text(encoding="utf-8")


def test_a_story_that_breaks_off_leaves_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(world: World) -> None:
        with world.timeline.act("A new project"):
            raise UserError("git push: there is no such host")

    monkeypatch.setattr("slipway.rehearsal.__main__.tell", lose)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    with pytest.raises(UserError):
        main([])
    assert "there is no such host" in (tmp_path / "reports" / "rehearsal.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_ends_well(beginning: scene.Scene, name: str) -> None:
    assert scene.play(beginning, SCENARIOS[name])
