"""What a release decides: a canary, its alarms, its questions, and what a person takes back or brings again."""

from pathlib import Path

import yaml

from slipway.rehearsal.aws.call import AwsError, Call
from slipway.rehearsal.story.ending import ends_well
from slipway.rehearsal.story.merging import (
    PRODUCTION,
    again,
    answers,
    ask_back,
    blocked,
    documentation,
    image_tag,
    merge,
    once_asked,
    propose,
    release,
    reverts,
    ring,
    says,
    serving_code,
    started,
    the_revert,
)
from slipway.rehearsal.story.project import replace
from slipway.rehearsal.story.scene import Scene
from slipway.rehearsal.story.tale import TEXTS, train
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World

# each text is cut before it is looked at: the recorded predictions do not hold
OTHERWISE = ("self.predictor.encode(asked.texts)", "self.predictor.encode([each[:3] for each in asked.texts])")


def canary_succeeds(scene: Scene) -> None:
    """A better model is merged while visitors ask: the canary succeeds"""
    world = scene.world
    with world.traffic({"texts": TEXTS}):
        release(world, scene.number)
    with world.timeline.step("nothing is left of the canary") as step:
        found = world.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{PRODUCTION}-v")["MetricAlarms"]
        if found:
            raise BrokenError(f"alarms are left: {[each['AlarmName'] for each in found]}")
        step.shows("its alarms are gone")
    ends_well(world, scene.better)


def canary_without_traffic(scene: Scene) -> None:
    """Nobody asks: the release's own questions prove a version; where they do not reach it, it is taken back"""
    world = scene.world

    def refuse(call: Call) -> None:
        asked = (call.action, call.body.get("FunctionName"), call.body.get("Qualifier"))
        if asked == ("Invoke", PRODUCTION, "live"):
            raise AwsError("AccessDeniedException", "no identity-based policy allows the lambda:InvokeFunction action")

    world.aws.before = refuse
    run = release(world, scene.number, "production")
    says(world, run, "production", "answered no question to live", "was taken back")
    answers(world, scene.bundle)
    the_revert(world)
    world.aws.before = lambda call: None
    with world.timeline.step("the questions come through again; run deploy.yml with force"):
        world.mona.dispatch("deploy.yml", {"force": "true"})
    started(world)
    ends_well(world, scene.better)


def alarm_during_canary(scene: Scene) -> None:
    """An alarm rings during the canary: traffic goes back, and a pull request, opened once, takes the model back"""
    world = scene.world
    once_asked(world, lambda call: ring(world))
    run = release(world, scene.number, "production")
    says(world, run, "production", "an alarm rang")
    answers(world, scene.bundle)
    number = the_revert(world)
    again(world, run, "production")
    the_revert(world)
    trained = len(world.aws.sagemaker.jobs)
    world.pump()
    release(world, number)
    answers(world, scene.bundle, "staging")
    if len(world.aws.sagemaker.jobs) != trained:
        raise BrokenError("the revert has trained something")
    ends_well(world, scene.bundle)


def serving_code_after_a_rollback(scene: Scene) -> None:
    """Serving code is merged after a rollback: the rejected model stays out, also in a new image"""
    world = scene.world
    once_asked(world, lambda call: ring(world))
    release(world, scene.number, "production")
    number = the_revert(world)
    run = release(world, propose(world, "serving", "Answer people", serving_code))
    says(world, run, "desired", "main and production differ", "an alarm rang")
    answers(world, scene.bundle)
    the_revert(world)
    with world.timeline.step(f"bring #{number} up to date"):
        world.update(number)
    world.pump("ci.yml")
    release(world, number)
    ends_well(world, scene.bundle)


def smoke_prediction_differs(scene: Scene) -> None:
    """The recorded predictions do not hold in a new image: staging refuses it"""
    world = scene.world
    run = release(world, propose(world, "otherwise", "Look at less of a text", answer_otherwise), "staging")
    says(world, run, "staging", "does not answer as recorded")
    answers(world, scene.bundle, "staging")
    ends_well(world, scene.bundle, refused=True)


def first_release_fails(scene: Scene) -> None:
    """The first release ever (the scene's own beginning shows one that succeeds) fails its smoke: nothing opens"""
    world = scene.world
    for environment in ("production", "staging"):
        with world.timeline.step(f"a person destroys {environment}"):
            destroy(world, environment)
    run = release(world, propose(world, "otherwise", "Look at less of a text", answer_otherwise), "staging")
    says(world, run, "staging", "does not answer as recorded")
    with world.timeline.step("nobody can ask") as step:
        client = world.aws.client("lambda")
        for environment in ("production", "staging"):
            name = f"slipway-{environment}"
            try:
                client.get_function_url_config(FunctionName=name, Qualifier="live")
            except client.exceptions.ResourceNotFoundException:
                continue
            raise BrokenError(f"{environment} has an address")
        step.shows("neither environment has an address")
    release(world, propose(world, "as-before", "Look at all of a text", answer_as_before))
    ends_well(world, scene.bundle)


def critical_vulnerability(scene: Scene) -> None:
    """The scan finds something critical in the new image: refused, until somebody accepts it by name"""
    world = scene.world
    with world.timeline.step("a vulnerability becomes known") as step:
        tag = image_tag(world, scene.better, f"origin/{world.github.pulls[scene.number].head_ref}")
        world.aws.registry.critical(tag, "CVE-2026-12345")
        step.shows(f"CVE-2026-12345 in {tag}")
    run = release(world, scene.number, "staging")
    says(world, run, "staging", "CVE-2026-12345", "lambda/accepted.yaml")
    answers(world, scene.bundle)
    release(world, propose(world, "accept", "Accept what cannot hurt here", accept))
    ends_well(world, scene.better)


def vulnerability_after_staging(scene: Scene) -> None:
    """Something critical becomes known once staging has the image: production refuses it"""
    world = scene.world
    tag = image_tag(world, scene.better, f"origin/{world.github.pulls[scene.number].head_ref}")

    def become_known(call: Call) -> None:
        if world.aws.roles.get(call.access_key) == "slipway-deploy-production":
            world.aws.registry.critical(tag, "CVE-2026-12345")
            world.aws.before = lambda call: None

    world.aws.before = become_known
    run = release(world, scene.number, "production")
    says(world, run, "production", "CVE-2026-12345", "lambda/accepted.yaml")
    ends_well(world, scene.bundle)


def main_reverted(scene: Scene) -> None:
    """A person takes the merge back: the earlier model returns, and nothing is trained"""
    world = scene.world
    commit = merge(world, scene.number)
    started(world)
    answers(world, scene.better)
    trained = len(world.aws.sagemaker.jobs)
    with world.timeline.step("open a pull request: git revert of the merge") as step:
        world.clone.begin("back")
        world.clone.git("revert", "--no-edit", "-m", "1", commit)
        world.clone.git("push", "--quiet", "origin", "back:back")
        number = world.mona.open_pull_request("back", "Take the better model back")
        step.shows(f"#{number}")
    world.pump("ci.yml")
    release(world, number)
    if len(world.aws.sagemaker.jobs) != trained:
        raise BrokenError("the revert has trained something")
    ends_well(world, scene.bundle)


def rolled_back_by_hand(scene: Scene) -> None:
    """A person goes back to an earlier version by the form; only `force` brings the model again"""
    world = scene.world
    ask_back(world, scene.number)
    started(world)
    answers(world, scene.bundle)
    the_revert(world)
    run = release(world, propose(world, "words", "Say who knows", documentation))
    says(world, run, "desired", "it was taken back")
    answers(world, scene.bundle)
    with world.timeline.step("run deploy.yml by hand, with force"):
        world.mona.dispatch("deploy.yml", {"force": "true"})
    started(world)
    if len(reverts(world)) != 1:
        raise BrokenError(f"{len(reverts(world))} pull requests were opened to take it back")
    ends_well(world, scene.better)


def red_gate_merged(scene: Scene) -> None:
    """Somebody merges past the rules what the gate blocks: deploy.yml refuses"""
    world = scene.world
    number = train(world, "A hasty model", "hasty", train__epochs=1)
    blocked(world, number)
    with world.timeline.step("somebody switches the rules off"):
        for ruleset in world.github.rulesets.values():
            ruleset["enforcement"] = "disabled"
    run = release(world, number, "desired")
    says(world, run, "desired", "says block")
    ends_well(world, scene.bundle)


def bundle_missing(scene: Scene) -> None:
    """dvc.lock names a bundle that DVC's remote lacks: deploy.yml says so, and goes on once it is pushed"""
    world = scene.world
    s3 = world.aws.client("s3")
    with world.timeline.step("the bundle is lost") as step:
        where = stored(world, world.github.pulls[scene.number].head_sha)
        content = s3.get_object(**where)["Body"].read()
        s3.delete_object(**where)
        step.shows(where["Key"])
    run = release(world, scene.number, "staging")
    says(world, run, "staging", "models/bundle", "dvc push")
    answers(world, scene.bundle)
    with world.timeline.step("a person who has it pushes it"):
        s3.put_object(**where, Body=content)
    again(world, run)
    ends_well(world, scene.better)


def destroy(world: World, environment: str) -> None:
    """`make destroy`, by a person with all rights in the account."""
    own = world.aws.environment | world.runner.environment | {"CONFIRM": environment}
    own["TF_VAR_image_digest"] = f"sha256:{'0' * 64}"
    world.clone.begin("look")
    terraform = ("python", "-m", "slipway.delivery.terraform")
    world.clone.run(*terraform, "destroy", "serving", environment, environment=own)


def stored(world: World, commit: str) -> dict[str, str]:
    """Where DVC's remote has the list of the bundle's files that a commit names."""
    lock = yaml.safe_load(world.github.git.run("show", f"{commit}:dvc.lock"))
    named = next(each for each in lock["stages"]["package"]["outs"] if each["path"] == "models/bundle")["md5"]
    remote = world.github.variables["SLIPWAY_DVC_REMOTE"]
    bucket, _, folder = remote.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": f"{folder}/files/md5/{named[:2]}/{named[2:]}"}


def answer_otherwise(folder: Path) -> None:
    """Change the serving code so that what it answers is not what is recorded."""
    replace(folder / "lambda" / "service.py", *OTHERWISE)


def answer_as_before(folder: Path) -> None:
    """Change it back."""
    replace(folder / "lambda" / "service.py", *reversed(OTHERWISE))


def accept(folder: Path) -> None:
    """Name the finding as one that a person has looked at."""
    told = "- name: CVE-2026-12345\n  reason: the function calls nothing of it\n  until: 2099-12-31\n"
    replace(folder / "lambda" / "accepted.yaml", "[]\n", told)


SCENARIOS = (
    canary_succeeds,
    canary_without_traffic,
    alarm_during_canary,
    serving_code_after_a_rollback,
    smoke_prediction_differs,
    first_release_fails,
    critical_vulnerability,
    vulnerability_after_staging,
    main_reverted,
    rolled_back_by_hand,
    red_gate_merged,
    bundle_missing,
)
