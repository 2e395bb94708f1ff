"""Plays the way from a pull request to production on this machine: `make rehearse`, or scenarios of what may go wrong.

`python -m slipway.rehearsal [SCENARIO ...]`; `all` plays each. Leaves a record, also where a story breaks, which
ends with 1.
"""

import sys
import tempfile
import time
from pathlib import Path

from slipway.errors import UserError
from slipway.rehearsal.story import scene
from slipway.rehearsal.story.record import write_record
from slipway.rehearsal.story.scenarios import SCENARIOS
from slipway.rehearsal.story.tale import tell
from slipway.rehearsal.story.timeline import BrokenError, Step, Timeline
from slipway.rehearsal.story.world import World

RECORD = Path("reports/rehearsal.html")


def main(words: list[str]) -> int:
    """Play the story, or the scenarios named; returns 1 where one breaks. Raises UserError for one that is none."""
    names = list(SCENARIOS) if words == ["all"] else words
    for name in names:
        if name not in SCENARIOS:
            raise UserError(f"there is no scenario {name}; choose of: {', '.join(SCENARIOS)}.")
    timeline = Timeline()
    broken, ended = list[str](), False
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder, World(Path(folder), timeline) as world:
        try:
            if names:
                broken = play(world, names)
            else:
                tell(world)
            ended = True
        except BrokenError as error:
            timeline.console.print(f"\nThe story broke: {error}", markup=False)
        finally:
            write_record(RECORD, timeline, world.conversations())
    timeline.console.print(f"\n{timeline.seconds:.0f} seconds; {RECORD} is the record.")
    if broken:
        timeline.console.print(f"Broken: {', '.join(broken)}")
    return 0 if ended and not broken and timeline.good else 1


def play(world: World, names: list[str]) -> list[str]:
    """Play scenarios one after another, each from the same beginning; returns those that broke.

    Each of several is played in a process of its own, so that the record says of it how it ended, and no more.
    """
    beginning = scene.prepare(world)
    if len(names) == 1:
        return [] if scene.tell(beginning, SCENARIOS[names[0]]) else names
    world.pause()
    with world.timeline.act("Scenarios") as act:
        for name in names:
            began = time.monotonic()
            good = scene.play(beginning, SCENARIOS[name])
            told = (SCENARIOS[name].__doc__ or "").strip()
            act.steps.append(Step(name, time.monotonic() - began, good, told))
            world.timeline.print(act.steps[-1])
        return [step.name for step in act.steps if not step.good]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"error: {error}")
