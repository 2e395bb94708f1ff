"""What may go wrong between a training's end and its report."""

from collections.abc import Callable
from pathlib import Path

from slipway.rehearsal.aws.call import Call
from slipway.rehearsal.story.ending import ends_well
from slipway.rehearsal.story.killing import kill_in_turn, steps
from slipway.rehearsal.story.merging import again
from slipway.rehearsal.story.scene import Scene
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World

# what a pull request's code may write into its handover: another's number, job and verdict
FORGERY = """
_pack = pack


def pack(folder, job, fleet):
    told = _pack(folder, job, fleet)
    file = folder / REPORT
    file.write_text(file.read_text().replace("{", '{"number": NUMBER, "sha": "SHA", ', 1))
    return told
"""


def event_lost(scene: Scene) -> None:
    """AWS's word of a training's end is lost: the schedule finds it"""
    world = scene.world
    number = trained(world, "lost")
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
    number = propose(world, "twice")
    world.pump("train.yml")
    world.await_report(number)
    world.pump()
    world.is_now(number, "reported")
    committed_once(world, number)
    ends_well(world, scene.bundle)


def killed_in_report(scene: Scene) -> None:
    """The runner dies after each step of report.yml in turn, and goes on where it was: one commit, one report"""
    world = scene.world
    file = "report.yml"
    world.may_fail |= {(file, "evaluate"), (file, "publish")}
    number = trained(world, "killed")
    world.schedule()
    [comment] = world.github.comments_of(number)
    before = comment.body

    def restore() -> None:
        # a report that fails again and again is given up: each death is the first of its story
        comment.body = before

    evaluate, publish = ([str(step["name"]) for step in steps(world, file, job)] for job in ("evaluate", "publish"))
    handed, reported = evaluate.index("Hand it over"), publish.index("Check it, commit it, report")
    early = {"find": None, "evaluate": range(handed), "publish": range(reported)}
    run = kill_in_turn(world, file, early, None, restore)
    run = kill_in_turn(world, file, {"publish": range(reported, len(publish))}, run)
    world.is_now(number, "reported")
    again(world, run)
    committed_once(world, number)
    with world.timeline.step("push a commit that changes no model") as step:
        world.clone.begin("killed", "origin/killed")
        (world.clone.folder / "docs" / "note.md").write_text("A note.\n", encoding="utf-8")
        step.shows(world.clone.commit("Write a note")[:12])
        world.clone.git("push", "--quiet", "origin", "killed:killed")
    world.pump("train.yml")
    world.is_now(number, "training")
    world.schedule()
    # what is handed over is published, also where the machine dies then
    run = kill_in_turn(world, file, {"evaluate": range(handed, len(evaluate))})
    world.is_now(number, "reported")
    again(world, run)
    world.pump()
    world.is_now(number, "reported")
    committed_once(world, number)
    ends_well(world, scene.bundle)


def credentials_expire(scene: Scene) -> None:
    """The credentials of the job that evaluates end in its midst: it says so, and a re-run reports"""
    world = scene.world
    world.may_fail |= {("report.yml", "evaluate"), ("report.yml", "publish")}
    number = trained(world, "expired")
    world.schedule()
    ended: list[str] = []

    def expire(call: Call) -> None:
        is_result = call.action == "GetObject" and call.body.get("Key", "").endswith("/model.tar.gz")
        role = world.aws.roles.get(call.access_key)
        if not ended and is_result and role == "slipway-report":
            ended.append(call.access_key)
            world.aws.expire(call.access_key)

    world.aws.before = expire
    runs = [run for run in world.pump("report.yml") if Path(run.workflow).name == "report.yml"]
    with world.timeline.step("nothing was reported") as step:
        if not ended or runs[-1].conclusion != "failure":
            raise BrokenError(f"no credentials ended: {runs[-1].conclusion}")
        log = "".join(each.log for each in runs[-1].steps)
        if "expired" not in log.lower():
            raise BrokenError("no step says that the credentials have expired")
        step.shows(next(line for line in log.splitlines() if "expired" in line.lower()))
    world.is_now(number, "training")
    again(world, runs[-1])
    world.is_now(number, "reported")
    committed_once(world, number)
    ends_well(world, scene.bundle)


def forged_handover(scene: Scene) -> None:
    """A pull request's code hands over a report in the name of another: it is refused, and nothing is written"""
    world = scene.world
    world.may_fail |= {("report.yml", "publish")}
    other = world.github.pulls[scene.number]
    before = (other.head_sha, world.comment(scene.number))
    forgery = FORGERY.replace("NUMBER", str(scene.number)).replace("SHA", other.head_sha)

    def change(folder: Path) -> None:
        world.clone.order(train__epochs=5)
        file = folder / "src" / "slipway" / "delivery" / "report" / "hand_over.py"
        file.write_text(file.read_text(encoding="utf-8") + forgery, encoding="utf-8")

    number = trained(world, "forged", change)
    world.schedule()
    runs = [run for run in world.pump("report.yml") if Path(run.workflow).name == "report.yml"]
    with world.timeline.step("publish refuses it") as step:
        [last] = [each for each in runs[-1].steps if each.step == "Check it, commit it, report"]
        if last.conclusion != "failure" or "report.json" not in last.log:
            raise BrokenError(f"it was published:\n{last.log}")
        step.shows(last.log.splitlines()[-1])
    world.is_now(number, "training")
    if world.bot_commits(number) or (other.head_sha, world.comment(scene.number)) != before:
        raise BrokenError("something was written all the same")
    ends_well(world, scene.bundle)


def propose(world: World, branch: str, change: Callable[[Path], None] | None = None) -> int:
    """A pull request with an order."""
    return world.propose(branch, f"Model {branch}", change or (lambda _: world.clone.order(train__epochs=5)))


def trained(world: World, branch: str, change: Callable[[Path], None] | None = None) -> int:
    """A pull request whose training has ended, and of which nobody has heard: AWS's word of it is lost."""
    number = propose(world, branch, change)
    world.aws.events.lose = True
    world.pump("train.yml")
    with world.timeline.step("SageMaker trains") as step:
        world.await_job(number)
        step.shows(str(world.state(number).name))
    world.aws.events.lose = False
    return number


def committed_once(world: World, number: int) -> None:
    """Raise BrokenError where the bot has made more, or less, than one commit."""
    if len(world.bot_commits(number)) != 1:
        raise BrokenError(f"the bot committed {world.bot_commits(number)} to #{number}")


SCENARIOS = (event_lost, event_delivered_twice, killed_in_report, credentials_expire, forged_handover)
