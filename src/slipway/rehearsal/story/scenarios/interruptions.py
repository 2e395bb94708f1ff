"""What may cut a release off: a dead runner, a lock that stays, credentials that expire, others at the same time."""

import re
from pathlib import Path
from threading import Lock

from slipway.rehearsal.aws.call import Call
from slipway.rehearsal.story.ending import ends_well
from slipway.rehearsal.story.killing import kill_in_turn
from slipway.rehearsal.story.merging import (
    DEPLOY,
    PRODUCTION,
    again,
    answers,
    ask_back,
    documentation,
    merge,
    not_merged,
    once_asked,
    propose,
    release,
    says,
    serving_code,
    the_revert,
)
from slipway.rehearsal.story.scene import Scene
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World
from slipway.rehearsal.sweep import sweep
from slipway.rehearsal.terraform import put

REMOVE = re.compile(r"`aws s3 rm s3://([^/`]+)/([^`]+)`")


def runner_killed_in_deploy(scene: Scene) -> None:
    """The runner dies after each step of deploy.yml in turn, and is run again: one image, attested once, one canary"""
    world = scene.world
    sent = (("ecr", "PutImage"), ("lambda", "PublishVersion"), ("codedeploy", "CreateDeployment"))
    before = [len(world.aws.sent(*each)) for each in sent]
    merge(world, scene.number)
    again(world, kill_in_turn(world, DEPLOY, dict.fromkeys(("desired", "staging", "production"))))
    with world.timeline.step("one image pushed and attested, a version here and there, one canary") as step:
        live = world.answering("production")
        attested = [each for each in world.github.attestations if live and each.digest == live.image]
        more = [len(world.aws.sent(*each)) - count for each, count in zip(sent, before, strict=True)]
        if more != [1, 2, 1] or len(attested) != 1:
            told = f"{len(attested)} images attested, and asked for: {dict(zip(sent, more, strict=True))}"
            raise BrokenError(told)
        step.shows("each was asked for once")
    ends_well(world, scene.better)


def runner_killed_in_infra(scene: Scene) -> None:
    """The runner dies after each step of infra.yml in turn, and is run again: the platform is what main says"""
    world = scene.world
    number = propose_alerts(world)
    again(world, kill_in_turn(world, "infra.yml", {"plan": None}))
    merge(world, number)
    again(world, kill_in_turn(world, "infra.yml", {"apply": None}))
    with world.timeline.step("the platform is what main says") as step:
        found = world.aws.client("sns").list_subscriptions()["Subscriptions"]
        told = [each["Endpoint"] for each in found if each["Protocol"] == "email"]
        if told != ["mona@example.com"]:
            raise BrokenError(f"alerts are sent to {told}")
        step.shows(f"alerts are sent to {told[0]}")
    ends_well(world, scene.bundle)


def runner_killed_in_roll_back(scene: Scene) -> None:
    """The runner dies after each step of a roll back by hand, and of what follows it: one pull request takes it back"""
    world = scene.world
    ask_back(world, scene.number)
    again(world, kill_in_turn(world, DEPLOY, dict.fromkeys(("roll-back", "revert"))))
    answers(world, scene.bundle)
    number = the_revert(world)
    world.pump()
    release(world, number)
    ends_well(world, scene.bundle)


def runner_killed_in_ci(scene: Scene) -> None:
    """The runner dies after each step of the job that says whether a model may be merged, and is run again"""
    world = scene.world
    with world.timeline.step("open a pull request: Say who knows") as step:
        number = world.propose("words", "Say who knows", documentation, label=False)
        step.shows(f"#{number}")
    run = kill_in_turn(world, "ci.yml", {"model-gate": None})
    not_merged(world, number)
    again(world, run)
    release(world, number)
    ends_well(world, scene.bundle)


def runner_killed_in_canary(scene: Scene) -> None:
    """The runner dies during the canary: who runs it again watches the same canary to its end"""
    world = scene.world
    world.aws.minute = 10  # it must outlast the way of the next runner
    once_asked(world, lambda call: sweep(world.runner.jobs))
    run = release(world, scene.number, "production")
    run = again(world, run)
    says(world, run, "production", "is under way: an earlier run began it")
    ends_well(world, scene.better)


def credentials_expire_in_canary(scene: Scene) -> None:
    """The credentials expire during the canary: CodeDeploy goes on by itself, and a re-run asks what it brought"""
    world = scene.world
    once_asked(world, lambda call: world.aws.expire(call.access_key))
    run = release(world, scene.number, "production")
    says(world, run, "production", "the AWS credentials have expired")
    with world.timeline.step("CodeDeploy goes on") as step:
        world.await_that(lambda: not world.aws.releases.running, "the end of the canary")
        step.shows("its deployment is over")
    answers(world, scene.better)
    run = again(world, run)
    says(world, run, "production", "it answered already, and now all questions")
    ends_well(world, scene.better)


def api_throttled(scene: Scene) -> None:
    """AWS throttles Lambda, CodeDeploy and CloudWatch: the release takes longer"""
    world = scene.world
    for service, action, times in (
        ("lambda", "GetAlias", 3),
        ("lambda", "Invoke", 3),
        ("lambda", "UpdateFunctionCode", 2),  # by Terraform, which the rehearsal lets try three times and not 25
        ("lambda", "PublishVersion", 3),
        ("codedeploy", "CreateDeployment", 3),
        ("codedeploy", "GetDeployment", 3),
        ("monitoring", "PutMetricAlarm", 3),
        ("monitoring", "DescribeAlarms", 3),
        ("monitoring", "DeleteAlarms", 3),
    ):
        world.aws.faults.throttle(service, action, times)
    release(world, scene.number)
    if left := {each: times for each, times in world.aws.faults.throttled.items() if times}:
        raise BrokenError(f"nothing was throttled of {left}")
    ends_well(world, scene.better)


def apply_killed_with_lock(scene: Scene) -> None:
    """The runner dies while terraform holds the state's lock: the next one says whose it is, and what removes it"""
    world = scene.world
    world.runner.environment["SLIPWAY_LOCK_SECONDS"] = "1"
    first = Lock()

    def kill(call: Call) -> None:
        asked = (call.service, call.action, call.body.get("FunctionName"))
        if asked == ("lambda", "UpdateFunctionCode", PRODUCTION) and first.acquire(blocking=False):
            sweep(world.runner.jobs)

    world.aws.before = kill
    run = release(world, scene.number, "production")
    run = again(world, run, "production")
    told = says(world, run, "production", "is locked by", "aws s3 rm")
    with world.timeline.step("a person runs the command that is printed") as step:
        found = REMOVE.search(told)
        if found is None:
            raise BrokenError("no command is printed")
        world.aws.client("s3").delete_object(Bucket=found[1], Key=found[2])
        step.shows(found[0].strip("`"))
    again(world, run)
    ends_well(world, scene.better)


def three_merges_at_once(scene: Scene) -> None:
    """Three pull requests are merged at once: the third deploy takes the place of the second, and brings the tip"""
    world = scene.world
    for ruleset in world.github.rulesets.values():
        for rule in ruleset["rules"]:
            if rule["type"] == "required_status_checks":
                rule["parameters"]["strict_required_status_checks_policy"] = False
    second = propose(world, "serving", "Answer people", serving_code)
    third = propose(world, "words", "Say who knows", documentation)

    def merge_both(_: Call) -> None:
        for number in (second, third):
            world.mona.merge(number)

    once_asked(world, merge_both)
    merge(world, scene.number)
    runs = [run for run in world.pump(DEPLOY) if Path(run.workflow).name == DEPLOY]
    with world.timeline.step("the second deploy gave way to the third") as step:
        ended = [run.conclusion for run in runs]
        if ended != ["success", "cancelled", "success"]:
            raise BrokenError(f"the deploys ended as {ended}")
        step.shows(", ".join(ended))
    ends_well(world, scene.better)


def propose_alerts(world: World) -> int:
    """A pull request that changes the platform; its workflows have not run."""

    def change(folder: Path) -> None:
        tfvars = folder / "terraform" / "platform" / "terraform.tfvars"
        put(tfvars, alert_emails='["mona@example.com"]')

    with world.timeline.step("open a pull request: Tell Mona of alerts") as step:
        number = world.propose("alerts", "Tell Mona of alerts", change, label=False)
        step.shows(f"#{number}")
    return number


SCENARIOS = (
    runner_killed_in_deploy,
    runner_killed_in_infra,
    runner_killed_in_roll_back,
    runner_killed_in_ci,
    runner_killed_in_canary,
    credentials_expire_in_canary,
    api_throttled,
    apply_killed_with_lock,
    three_merges_at_once,
)
