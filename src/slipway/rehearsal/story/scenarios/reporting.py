"""What may go wrong between a training's end and its report."""

from slipway.rehearsal.story.ending import ends_well
from slipway.rehearsal.story.scene import Scene
from slipway.rehearsal.story.timeline import BrokenError


def event_lost(scene: Scene) -> None:
    """AWS's word of a training's end is lost: the schedule finds it"""
    world = scene.world
    world.aws.events.lose = True
    number = world.propose("lost", "Another model", lambda _: world.clone.order(train__epochs=4))
    world.pump("train.yml")
    world.await_job(number)
    world.pump()
    world.is_now(number, "training")
    world.schedule()
    world.pump("report.yml")
    world.is_now(number, "reported")
    ends_well(world, scene.bundle)


def event_delivered_twice(scene: Scene) -> None:
    """AWS's word of a training's end comes twice: one report, one comment, one commit"""
    world = scene.world
    world.aws.events.twice = True
    number = world.propose("twice", "Another model", lambda _: world.clone.order(train__epochs=4))
    world.pump("train.yml")
    world.await_report(number)
    world.pump()
    world.is_now(number, "reported")
    if len(world.bot_commits(number)) != 1:
        raise BrokenError(f"the bot committed {world.bot_commits(number)}")
    ends_well(world, scene.bundle)


SCENARIOS = (event_lost, event_delivered_twice)
