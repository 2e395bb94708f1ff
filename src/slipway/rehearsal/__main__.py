"""`make rehearse`: plays the way from a pull request to production on this machine, and leaves a record of it."""

import sys
import tempfile
from pathlib import Path

from slipway.errors import UserError
from slipway.rehearsal.story.record import write_record
from slipway.rehearsal.story.tale import tell
from slipway.rehearsal.story.timeline import BrokenError, Timeline
from slipway.rehearsal.story.world import World

RECORD = Path("reports/rehearsal.html")


def main(words: list[str]) -> int:
    """Play the story; returns 1 where it breaks."""
    timeline = Timeline()
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder, World(Path(folder), timeline) as world:
        try:
            tell(world)
        except BrokenError as error:
            timeline.console.print(f"\nThe story broke: {error}", markup=False)
        write_record(RECORD, timeline, world.conversations())
    timeline.console.print(f"\n{timeline.seconds:.0f} seconds; {RECORD} is the record.")
    return 0 if timeline.good else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"error: {error}")
