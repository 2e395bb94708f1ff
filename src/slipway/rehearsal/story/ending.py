"""How every story must end, whatever happened in it."""

from collections import Counter

from slipway.compute.folder import parse_name
from slipway.delivery.github.sticky import BOT
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World


def ends_well(world: World, bundle: str) -> None:
    """Production answers with this bundle, nothing was trained, built or released twice, each pull request has at most
    one comment, no state is locked, and GitHub was asked as it documents. Raises BrokenError.
    """
    with world.timeline.step("production answers as it should, nothing was done twice, nothing is locked") as step:
        there = world.answering("production")
        if there is None or there.bundle != bundle:
            raise BrokenError(f"production answers with {there}, not with {bundle}")
        for found in (trained_twice(world), released_twice(world), commented_twice(world), locked(world)):
            if found:
                raise BrokenError(found)
        if world.github.violations:
            raise BrokenError(f"GitHub was asked, or answered, otherwise than it documents: {world.github.violations}")
        step.shows(f"version {there.version} answers, with the bundle {bundle[:12]}")


def trained_twice(world: World) -> str:
    """Jobs that ended with a result more than once."""
    jobs = world.aws.sagemaker.jobs.values()
    done = Counter(parse_name(job.name)[0] for job in jobs if job.status == "Completed")
    twice = [hash for hash, count in done.items() if count > 1]
    return f"trained twice: {', '.join(twice)}" if twice else ""


def released_twice(world: World) -> str:
    """Versions that were brought to production more than once."""
    told = [each.told for each in world.aws.releases.deployments.values()]
    done = Counter(each["description"] for each in told if each["status"] == "Succeeded" and each.get("description"))
    twice = [description for description, count in done.items() if count > 1]
    return f"released twice: {', '.join(twice)}" if twice else ""


def commented_twice(world: World) -> str:
    """Pull requests with more than one comment by the bot."""
    counts = Counter(each.number for each in world.github.comments.values() if each.user == BOT)
    twice = [f"#{number}" for number, count in counts.items() if count > 1]
    return f"more than one comment: {', '.join(twice)}" if twice else ""


def locked(world: World) -> str:
    """States that somebody still holds."""
    listed = world.aws.client("s3").list_objects_v2(Bucket="slipway-state-123456789012").get("Contents", [])
    locks = [each["Key"] for each in listed if each["Key"].endswith(".tflock")]
    return f"still locked: {', '.join(locks)}" if locks else ""
