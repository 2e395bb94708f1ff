"""What may go wrong between a pull request and production, a function each; `make rehearse SCENARIO=name` plays one."""

from slipway.rehearsal.story.scenarios import (
    github,
    interruptions,
    releases,
    reporting,
    training,
)
from slipway.rehearsal.story.scene import Scenario

MODULES = (training, reporting, github, releases, interruptions)
SCENARIOS: dict[str, Scenario] = {
    each.__name__.replace("_", "-"): each for module in MODULES for each in module.SCENARIOS
}
