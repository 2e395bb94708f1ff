"""What may go wrong between an order and the training's end."""

from slipway.rehearsal.story.ending import ends_well
from slipway.rehearsal.story.killing import kill_in_turn
from slipway.rehearsal.story.merging import again
from slipway.rehearsal.story.scene import Scene
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World

# small batches and no end of patience: slow enough that something can happen in the middle
SLOW = {"train__token_budget": 192, "train__patience": None}
ENDLESS = SLOW | {"train__epochs": 5000}


def spot_interruption(scene: Scene) -> None:
    """Two spot machines are taken away in mid-training: the job goes on where it was"""
    world = scene.world
    number = order(world, "spot", **SLOW, train__epochs=12)
    name = in_training(world, number)
    for lost in (False, True):
        with world.timeline.step("the machine is taken away") as step:
            since = len(said(world, name, "epoch "))
            world.aws.interrupt(name, lose_checkpoint=lost)
            world.aws.wait(name, "Interrupted", times=1 + lost)
            world.aws.wait_line(name, "epoch ", times=since + 2)
            step.shows(said(world, name, "goes on from step")[-1])
    world.await_report(number)
    world.is_now(number, "reported")
    if len(said(world, name, "goes on from step")) != 2:
        raise BrokenError(f"it began anew: {said(world, name, 'goes on from')}")
    ends_well(world, scene.bundle)


def two_want_the_same_job(scene: Scene) -> None:
    """Two pull requests ask for the same: one training, two reports"""
    two(scene.world, {"same": 5, "again": 5}, jobs=1)
    ends_well(scene.world, scene.bundle)


def two_at_once(scene: Scene) -> None:
    """Two pull requests train side by side: each gets its own report"""
    world = scene.world
    numbers = two(world, {"of-4": 4, "of-5": 5}, jobs=2)
    if world.proposed_bundle(numbers[0]) == world.proposed_bundle(numbers[1]):
        raise BrokenError("they brought the same bundle")
    ends_well(world, scene.bundle)


def closed_while_training(scene: Scene) -> None:
    """A pull request is closed while it trains: the job stops, though the runner that stops it dies after each step"""
    world = scene.world
    number = order(world, "closed", **ENDLESS)
    name = in_training(world, number)
    world.mona.close(number)
    again(world, kill_in_turn(world, "train.yml", {"stop": None}))
    stopped(world, name)
    world.pump()
    if world.bot_commits(number):
        raise BrokenError("a report was committed to a pull request that is closed")
    ends_well(world, scene.bundle)


def stop_run_lost(scene: Scene) -> None:
    """A pull request is closed while it trains, and the run that stops the job is lost: the sweep stops it"""
    world = scene.world
    number = order(world, "lost", **ENDLESS)
    name = in_training(world, number)
    world.mona.close(number)
    kill_in_turn(world, "train.yml", {"stop": [0]})
    world.schedule()
    world.pump("report.yml")
    stopped(world, name)
    ends_well(world, scene.bundle)


def label_taken_off(scene: Scene) -> None:
    """The label is taken off while it trains: the job stops, and goes on when it is set again"""
    world = scene.world
    number = order(world, "unlabelled", **SLOW, train__epochs=16)
    name = in_training(world, number)
    world.mona.unlabel(number, "train")
    world.pump("train.yml")
    stopped(world, name)
    world.pump()
    world.is_now(number, "waiting")
    world.mona.label(number, "train")
    world.pump("train.yml")
    second = str(world.state(number).name)
    world.await_report(number)
    world.is_now(number, "reported")
    if second == name or not said(world, second, "goes on from step"):
        raise BrokenError(f"{second} did not go on from what {name} had done")
    ends_well(world, scene.bundle)


def pushed_while_training(scene: Scene) -> None:
    """The branch is pushed to while it trains: the old job is stopped, the new one reported"""
    world = scene.world
    number = order(world, "pushed", **ENDLESS)
    name = in_training(world, number)
    with world.timeline.step("push another order") as step:
        world.clone.order(train__epochs=5)
        step.shows(world.clone.commit("Fewer epochs")[:12])
        world.clone.git("push", "--quiet", "origin", "pushed:pushed")
    world.pump("train.yml")
    if world.state(number).name == name:
        raise BrokenError(f"#{number} waits for {name} still")
    stopped(world, name)
    world.await_report(number)
    world.is_now(number, "reported")
    ends_well(world, scene.bundle)


def throttled(scene: Scene) -> None:
    """AWS says again and again that it is asked too often"""
    world = scene.world
    for service, action in (
        ("sagemaker", "CreateTrainingJob"), ("sagemaker", "DescribeTrainingJob"), ("sagemaker", "ListTrainingJobs"),
        ("s3", "PutObject"), ("s3", "GetObject"), ("s3", "HeadObject"), ("s3", "ListObjectsV2"),
        ("ecr", "DescribeImages"), ("ecr", "BatchGetImage"),
    ):  # fmt: skip
        world.aws.faults.throttle(service, action, times=2)
    number = order(world, "throttled", train__epochs=5)
    world.await_report(number)
    world.is_now(number, "reported")
    left = {f"{service} {action}" for (service, action), times in world.aws.faults.throttled.items() if times}
    with world.timeline.step("what was throttled") as step:
        if {"sagemaker CreateTrainingJob", "s3 PutObject", "s3 GetObject"} & left:
            raise BrokenError(f"it was not asked for: {left}")
        step.shows(f"all but {', '.join(sorted(left)) or 'nothing'}, twice each")
    ends_well(world, scene.bundle)


def killed_in_train(scene: Scene) -> None:
    """The runner dies after each step of train.yml in turn, and the run goes on where it was: one branch, one job"""
    world = scene.world
    before = set(world.github.pulls)
    values = "train.epochs=5"
    world.mona.dispatch("train.yml", {"name": "killed", "data": "aws_docs", "model": "bag", "values": values})
    run = kill_in_turn(world, "train.yml", dict.fromkeys(("order", "permit", "submit")))
    again(world, run)
    [number] = set(world.github.pulls) - before
    world.await_report(number)
    world.is_now(number, "reported")
    ends_well(world, scene.bundle)


def propose(world: World, branch: str, **values: object) -> int:
    """A pull request with an order."""
    with world.timeline.step("open a pull request") as step:
        number = world.propose(branch, f"Model {branch}", lambda _: world.clone.order(**values))
        step.shows(f"#{number}, label train")
    return number


def two(world: World, epochs: dict[str, int], jobs: int) -> list[int]:
    """Pull requests from branches, each of so many epochs, whose orders make that many jobs: each is reported."""
    numbers = [propose(world, branch, train__epochs=count) for branch, count in epochs.items()]
    world.pump("train.yml")
    if len({world.state(number).name for number in numbers}) != jobs:
        raise BrokenError(f"they wait for {[world.state(number).name for number in numbers]}")
    world.await_report(*numbers)
    for number in numbers:
        world.is_now(number, "reported")
        if len(world.bot_commits(number)) != 1:
            raise BrokenError(f"the bot committed {world.bot_commits(number)} to #{number}")
    return numbers


def order(world: World, branch: str, **values: object) -> int:
    """A pull request with an order, whose job is submitted."""
    number = propose(world, branch, **values)
    world.pump("train.yml")
    return number


def in_training(world: World, number: int) -> str:
    """Block until the job of a pull request is in the middle of its work; returns its name."""
    name = str(world.state(number).name)
    with world.timeline.step("the job trains") as step:
        world.aws.wait_line(name, "epoch ", times=2)
        step.shows(said(world, name, "epoch ")[-1])
    return name


def said(world: World, name: str, words: str) -> list[str]:
    """The lines of a job's log that hold these words."""
    job = world.aws.sagemaker.jobs[world.aws.region, name]
    with job.changed:
        return [line for line in job.said if words in line]


def stopped(world: World, name: str) -> None:
    """Block until a job was stopped, and EventBridge has said so."""
    with world.timeline.step("the job is stopped") as step:
        world.aws.wait(name, "Stopped")
        world.aws.events.settle()
        step.shows(name)


SCENARIOS = (
    spot_interruption,
    two_want_the_same_job,
    two_at_once,
    closed_while_training,
    stop_run_lost,
    label_taken_off,
    pushed_while_training,
    throttled,
    killed_in_train,
)
