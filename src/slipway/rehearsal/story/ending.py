"""How every story must end, whatever happened in it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from slipway.compute.folder import parse_name
from slipway.delivery.github.sticky import BOT
from slipway.rehearsal.story.merging import image_of
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World


def ends_well(world: World, bundle: str, refused: bool = False) -> None:
    """Production answers with this bundle and, where main asks for it, in the image that main asks for; no job ended
    twice with a result, no image was released twice in a row, each pull request has at most one comment by the bot, no
    state is locked, GitHub shows no deployment that is under way, and was asked as it documents. Raises BrokenError.

    `refused`: main asks for an image of this bundle that was refused, so that another must answer.
    """
    with world.timeline.step("production answers as it should, nothing was done twice, nothing is locked") as step:
        there = world.answering("production")
        if there is None or there.bundle != bundle:
            raise BrokenError(f"production answers with {there}, not with {bundle}")
        asked = image_of(world, bundle) if world.merged_bundle() == bundle else ""
        if asked and (asked == there.image) == refused:
            raise BrokenError(f"production answers with {there}, and main asks for {asked}")
        for find in (trained_twice, released_twice, commented_twice, locked, not_shown):
            if found := find(world):
                raise BrokenError(found)
        if world.github.violations:
            raise BrokenError(f"GitHub was asked, or answered, otherwise than it documents: {world.github.violations}")
        step.shows(f"version {there.version} answers, with the bundle {bundle[:12]}")


def trained_twice(world: World) -> str:
    """Jobs with a result that were trained, or are being trained, once more."""
    jobs = world.aws.sagemaker.jobs.values()
    done = Counter(parse_name(job.name)[0] for job in jobs if job.status in ("Completed", "InProgress"))
    twice = [hash for hash, count in done.items() if count > 1]
    return f"trained twice: {', '.join(twice)}" if twice else ""


def released_twice(world: World) -> str:
    """Images that two releases brought, one after the other, with nothing in between."""
    twice = repeated(each.told for each in world.aws.releases.deployments.values())
    return f"released twice: {', '.join(twice)}" if twice else ""


def repeated(deployments: Iterable[Mapping[str, Any]]) -> list[str]:
    """The images that successful deployments, as CodeDeploy tells of them and in order, brought twice in a row."""
    done: dict[str, list[str]] = {}
    for told in deployments:
        if told["status"] == "Succeeded" and told["creator"] == "user":
            done.setdefault(told["applicationName"], []).append(json.loads(told["description"]).get("tag", ""))
    return [f"{tag} ({name})" for name, tags in done.items() for tag, other in pairwise(tags) if tag == other]


def commented_twice(world: World) -> str:
    """Pull requests with more than one comment by the bot."""
    counts = Counter(each.number for each in world.github.comments.values() if each.user == BOT)
    twice = [f"#{number}" for number, count in counts.items() if count > 1]
    return f"more than one comment: {', '.join(twice)}" if twice else ""


def locked(world: World) -> str:
    """States that somebody still holds."""
    s3 = world.aws.client("s3")
    listed = s3.list_objects_v2(Bucket="slipway-state-123456789012").get("Contents", [])
    locks = [each["Key"] for each in listed if each["Key"].endswith(".tflock")]
    return f"still locked: {', '.join(locks)}" if locks else ""


def not_shown(world: World) -> str:
    """What is wrong with what GitHub shows as deployed."""
    last = [(each.environment, each.states[-1]) for each in world.github.deployments.values()]
    left = [name for name, state in last if state not in ("success", "failure", "error", "inactive")]
    return f"GitHub shows as under way what is over: {', '.join(left)}" if left else ""
