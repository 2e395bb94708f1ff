"""Scenarios begin where one account was applied and a first model released: each in a process forked from that one."""

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slipway.rehearsal.story import tale
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World


@dataclass(frozen=True)
class Scene:
    """Where a scenario begins: the bundle that production answers with, and a pull request with a better one.

    That one is reported and its gate is open; `better` is its bundle.
    """

    world: World
    bundle: str
    number: int
    better: str


Scenario = Callable[[Scene], None]


def prepare(world: World) -> Scene:
    """Play the story up to where scenarios begin."""
    tale.begin(world)
    bundle = tale.train_and_merge(world, "A first model", "first", train__epochs=3)
    with world.timeline.act("A better model waits to be merged"):
        number = tale.train(world, "A better model", "better", train__epochs=6)
        better = world.proposed_bundle(number)
    return Scene(world, bundle, number, better)


def play(scene: Scene, scenario: Scenario) -> bool:
    """Play a scenario in a forked process, which leaves the scene as it is; false where it breaks. The scene's world
    must be paused.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if alone(scene, scenario) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def alone(scene: Scene, scenario: Scenario) -> bool:
    """Play a scenario in this process, which must be the fork; the world is gone afterwards."""
    world = scene.world
    with tempfile.TemporaryDirectory(prefix="scenario-") as folder:
        world.resume(Path(folder))
        try:
            return tell(scene, scenario)
        finally:
            world.__exit__()


def tell(scene: Scene, scenario: Scenario) -> bool:
    """Play a scenario in the world as it is; false where it breaks, which is said."""
    timeline = scene.world.timeline
    try:
        with timeline.act((scenario.__doc__ or scenario.__name__).strip()) as act:
            scenario(scene)
    except BrokenError as error:
        timeline.console.print(f"\nThe story broke: {error}", markup=False)
        return False
    return act.good
