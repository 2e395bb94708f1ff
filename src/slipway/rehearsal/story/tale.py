"""The story that `make rehearse` tells: from an empty account to a release that takes itself back."""

import json
from collections.abc import Iterable
from pathlib import Path

from slipway.rehearsal.runner.record import StepRecord, WorkflowRun
from slipway.rehearsal.story.ending import ends_well
from slipway.rehearsal.story.merging import (
    DEPLOY,
    PRODUCTION,
    answers,
    blocked,
    propose,
    release,
    says,
    the_revert,
)
from slipway.rehearsal.story.project import replace
from slipway.rehearsal.story.timeline import BAD, GOOD, BrokenError
from slipway.rehearsal.story.world import World

TEXTS = ["Creates a new bucket in Amazon S3.", "Deletes the specified KMS key after a waiting period."]
# right in every recorded prediction, and wrong as soon as somebody writes a letter that English lacks
FAULT = ("asked = read()\n", "asked = read()\n            [text.encode('ascii') for text in asked.texts]\n")
VISITORS = ["Löscht den Schlüssel."]
# seconds that a person should wait at most
MOST = 60.0
# steps of a release that an image needs only once, and the look at one that is there
BUILDING = ("Bring the function's image", "Log in to the registry", "List what is in it", "Attest where it comes from")
LOOK = "Look at the function's image again"


def tell(world: World) -> None:
    """All acts in their order. Raises BrokenError where the story breaks."""
    begin(world)
    train_and_merge(world, "A first model", "first", train__epochs=3)
    better = side_by_side(world)
    ask(world)
    canary_fails(world, better)
    # until somebody merges what takes the fault back, as the scenario `alarm-during-canary` does
    ends_well(world, better, refused=True)
    figures(world)


def begin(world: World) -> None:
    """What a person does once: bootstrap, and the merge that lets infra.yml apply the platform."""
    timeline = world.timeline
    with timeline.act("A new project"):
        with timeline.step("push the copy to GitHub") as step:
            world.clone.found()
            step.shows(world.clone.git("log", "-1", "--format=%h %s"))
        world.pump()  # before bootstrap the workflows of main do nothing
        with timeline.step("make bootstrap") as step:
            step.shows(world.bootstrap().strip().splitlines()[-1])
        with timeline.step("run infra.yml by hand, and approve it") as step:
            world.mona.dispatch("infra.yml")
            step.shows("it applies terraform/platform")
        world.pump("infra.yml")
        connect_events(world)


def connect_events(world: World) -> None:
    """Put the token for GitHub into the connection, as docs/infrastructure.md says."""
    with world.timeline.step("let AWS tell GitHub when a training ends") as step:
        token = world.github.token_for({"contents": "write", "metadata": "read"}, actor="octocat")
        world.aws.client("events").update_connection(
            Name="slipway-github",
            AuthorizationType="API_KEY",
            AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": f"Bearer {token}"}},
        )
        step.shows("a fine-grained token in EventBridge's connection, known to nobody else")


def open_training(world: World, title: str, branch: str, **values: object) -> int:
    """A pull request that asks for a training; returns its number."""
    with world.timeline.step(f"open a pull request: {title}") as step:
        number = world.propose(branch, title, lambda _: world.clone.order(**values))
        step.shows(f"#{number}, label train")
    return number


def train(world: World, title: str, branch: str, **values: object) -> int:
    """A pull request that trains, up to its report; returns its number."""
    number = open_training(world, title, branch, **values)
    world.pump("train.yml")
    world.await_report(number)
    reported(world, number)
    return number


def reported(world: World, number: int) -> None:
    """Raise BrokenError unless the comment of a pull request is a report."""
    with world.timeline.step(f"the comment of #{number} is a report") as step:
        state = world.state(number)
        if state.status != "reported":
            raise BrokenError(f"the comment says {state.status}")
        step.shows(next(line for line in world.comment(number).splitlines() if line.startswith("#")))


def train_and_merge(world: World, title: str, branch: str, **values: object) -> str:
    """A pull request from its first push to production; returns the bundle that main asks for then."""
    with world.timeline.act(title):
        return bring(world, train(world, title, branch, **values))


def bring(world: World, number: int) -> str:
    """A pull request's model is merged, and answers; returns its bundle."""
    release(world, number)
    bundle = world.merged_bundle()
    answers(world, bundle, "staging")
    answers(world, bundle)
    return bundle


def side_by_side(world: World) -> str:
    """Two pull requests train at the same time. The gate stops the model that is worse: GitHub refuses the merge. The
    better one goes through a canary; returns its bundle.
    """
    with world.timeline.act("A worse model, and a better one behind a canary"):
        better = open_training(world, "A better model", "better", train__epochs=6)
        hasty = open_training(world, "A hasty model", "hasty", train__epochs=1)
        world.pump("train.yml")
        world.await_report(better, hasty)
        reported(world, better)
        reported(world, hasty)
        blocked(world, hasty)
        return bring(world, better)


def ask(world: World) -> None:
    """Questions by visitors, through the Runtime Interface Emulator."""
    with world.timeline.step("ask production") as step:
        answer = world.ask({"texts": TEXTS})
        step.shows("; ".join(f"{each['label']} {each['score']:.2f}" for each in answer["predictions"]))


def canary_fails(world: World, good: str) -> None:
    """A fault that no check saw meets traffic: the canary's alarm rings, and the version before answers again."""
    with world.timeline.act("A canary that fails"):
        number = propose(world, "faster", "A faster answer", break_answers)
        with world.traffic({"texts": VISITORS}):
            run = release(world, number, "production")
        says(world, run, "production", "an alarm rang")
        answers(world, good)
        the_revert(world)


def figures(world: World) -> None:
    """How long a person waits: printed, and not asserted, for this machine is none of GitHub's."""
    runs = [(Path(run.workflow).name, run) for run in world.runner.runs]
    submits = [
        seconds(run.job("permit").steps) + seconds(until(run.job("submit").steps, "Submit"))
        for file, run in runs
        if file == "train.yml" and run.job("submit").result == "success"
    ]
    deploys = [
        release_seconds(world, run)
        for file, run in runs
        if file == DEPLOY and run.job("production").result == "success"
    ]
    with world.timeline.act("How long it took"):
        for what, found in (
            ("steps of train.yml, from the first to the submitted job", submits),
            ("steps of deploy.yml, but for those that build an image, and without the canary's wait", deploys),
        ):
            with world.timeline.step(what) as step:
                if not found:
                    raise BrokenError("there was none")
                told = (f"{each:.0f} s {GOOD if each <= MOST else BAD}" for each in found)
                step.shows(f"{', '.join(told)} (<= {MOST:.0f} s)")


def release_seconds(world: World, run: WorkflowRun) -> float:
    """What a run of deploy.yml would have taken, had its image been built already and its canary been over at once.

    To bring an image that is there takes staging as long as production.
    The canary's wait is the time between CreateDeployment and the end of that deployment, smoke test included.
    """
    all_steps = [step for job in run.jobs for step in job.steps]
    steps = [step for step in all_steps if step.step not in BUILDING]
    steps += [step for step in all_steps if step.step == LOOK]
    told = [each.told for each in world.aws.releases.deployments.values()]
    waits: list[float] = [
        each["completeTime"] - each["createTime"]
        for each in told
        if each["applicationName"] == PRODUCTION and json.loads(each.get("description", "{}")).get("commit") == run.sha
    ]
    return seconds(steps) - sum(waits)


def seconds(steps: Iterable[StepRecord]) -> float:
    """How long steps took."""
    return sum(step.seconds for step in steps)


def until(steps: tuple[StepRecord, ...], name: str) -> tuple[StepRecord, ...]:
    """The steps of a job up to the one of that name. Raises BrokenError where it has none."""
    names = [step.step for step in steps]
    if name not in names:
        raise BrokenError(f"no step is called {name}: {', '.join(names)}")
    return steps[: names.index(name) + 1]


def break_answers(folder: Path) -> None:
    """Change the serving code so that some questions fail."""
    replace(folder / "lambda" / "service.py", *FAULT)
