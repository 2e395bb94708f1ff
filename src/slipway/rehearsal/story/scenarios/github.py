"""What may go wrong at GitHub, and what people may try there."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slipway.rehearsal.aws.call import AwsError
from slipway.rehearsal.github import RefusedError
from slipway.rehearsal.runner.record import WorkflowRun
from slipway.rehearsal.story import tale
from slipway.rehearsal.story.ending import ends_well
from slipway.rehearsal.story.killing import kill_in_turn
from slipway.rehearsal.story.merging import again, blocked
from slipway.rehearsal.story.scene import Scene
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World

FORM = {"name": "wider", "data": "aws_docs", "model": "bag", "values": "train.epochs=5", "spot": "false"}
# the environments and the roles of a repository, as a workflow of somebody's own would take them
STOLEN = """\
name: stolen
on: pull_request
permissions: {}
jobs:
  take:
    name: take
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    strategy:
      fail-fast: false
      matrix:
        role: ROLES
        environment: ENVIRONMENTS
    environment: ${{ matrix.environment }}
    permissions:
      id-token: write
    steps:
      - uses: aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c
        with:
          role-to-assume: ${{ matrix.role }}
          aws-region: ${{ vars.AWS_REGION }}
"""


@dataclass(frozen=True)
class Asked:
    """A job's question for credentials of a role, and whether it got them."""

    role: str
    subject: str
    given: bool


def gate_blocks(scene: Scene) -> None:
    """A model that is worse: GitHub refuses the merge, and production answers as before"""
    world = scene.world
    number = tale.train(world, "A hasty model", "hasty", train__epochs=1)
    blocked(world, number)
    ends_well(world, scene.bundle)


def github_out_of_order(scene: Scene) -> None:
    """GitHub answers 502, loses answers and limits requests: all is done once all the same"""
    world = scene.world
    faults, wait = world.github.faults, {"Retry-After": "1"}
    faults.answer("GET", r"/pulls/\d+$", 502)
    faults.answer("GET", r"/permission$", 403, 1, wait)
    faults.answer("GET", r"/comments$", 503)
    faults.lose("POST", r"/issues/\d+/comments$")
    faults.answer("PATCH", r"/issues/comments/\d+$", 429, 1, wait)
    faults.answer("POST", r"/git/trees$", 502)
    faults.lose("POST", r"/git/commits$")
    faults.lose("PATCH", r"/git/refs/")
    faults.lose("POST", r"/workflows/ci.yml/dispatches$")
    # EventBridge meets it, too
    faults.answer("POST", r"/dispatches$", 502)
    number = tale.train(world, "Against all odds", "odds", train__epochs=5)
    if len(world.bot_commits(number)) != 1:
        raise BrokenError(f"the bot committed {world.bot_commits(number)}")
    with world.timeline.step("each was met") as step:
        if left := faults.left():
            raise BrokenError(f"nothing met {left}")
        step.shows("ten faults")
    ends_well(world, scene.bundle)


def fork(scene: Scene) -> None:
    """A pull request from a fork: no credentials are asked for, and it is told so, by the second runner"""
    world = scene.world
    stranger = world.github.as_user("stranger")
    stranger.fork()
    stranger.commit("idea", {"params.yaml": "data: aws_docs\nmodel: bag\nset: {}\n"}, owner="stranger")
    number = stranger.open_pull_request("stranger:idea", "An idea")
    world.mona.label(number, "train")
    with asked(world) as asks:
        told = again(world, kill_in_turn(world, "train.yml", {"fork": None}))
        world.schedule()
        world.pump("report.yml")
    with world.timeline.step("it is told that a fork does not train") as step:
        words = [line for each in told.steps for line in each.annotations if "fork" in line]
        if not words or [each for each in asks if not each.subject.endswith(":operate")]:
            raise BrokenError(f"it was told {words}, and asked {asks}")
        step.shows(words[-1])
    if world.github.comments_of(number):
        raise BrokenError("something was said on the pull request")
    ends_well(world, scene.bundle)


def form(scene: Scene) -> None:
    """An experiment by the form: a branch, a draft, a job on the machine that was chosen, a report"""
    world = scene.world
    world.mona.dispatch("train.yml", FORM | {"instance_type": "ml.c5.xlarge"})
    world.pump("train.yml")
    [pull] = [pull for pull in world.github.pulls.values() if pull.head_ref == "experiment/wider"]
    request = world.aws.sagemaker.jobs[world.aws.region, str(world.state(pull.number).name)].request
    with world.timeline.step("the job has what was chosen") as step:
        kind = request["ResourceConfig"]["InstanceType"]
        if (kind, request["EnableManagedSpotTraining"], pull.draft) != ("ml.c5.xlarge", False, True):
            raise BrokenError(f"it trains on {request}")
        step.shows(f"#{pull.number}, a draft; on demand, {kind}")
    world.await_report(pull.number)
    world.is_now(pull.number, "reported")
    ends_well(world, scene.bundle)


def form_with_surprises(scene: Scene) -> None:
    """The form holds what is no value, or tries to run a command: refused in words, and nothing is made"""
    world = scene.world
    world.may_fail.add(("train.yml", "order"))
    before = counted(world)
    for field, value in (
        ("values", "--epochs 5"),
        ("values", 'train.epochs=5"; touch pwned; echo "'),
        ("values", "train.epochs=$(touch pwned)"),
        ("values", "train.epochs=${oc.env:GITHUB_TOKEN}"),
        ("values", "compute.role=arn:aws:iam::123456789012:role/another"),
        ("values", "train.epochs=minus one"),
        ("name", "x; touch pwned"),
        ("name", "../../main"),
    ):
        world.mona.dispatch("train.yml", FORM | {field: value})
        [run] = world.pump("train.yml")
        log = run.job("order").steps[-1].log
        if run.conclusion != "failure" or "error: " not in log or "Traceback" in log:
            raise BrokenError(f"{field} {value!r}: {run.conclusion}:\n{log}")
    with world.timeline.step("GitHub refuses a choice that is none") as step:
        try:
            world.mona.dispatch("train.yml", FORM | {"instance_type": "ml.c5.xlarge compute.role=x"})
        except RefusedError as error:
            step.shows(error.message)
        else:
            raise BrokenError("it was taken")
    if counted(world) != before:
        raise BrokenError(f"something was made: {counted(world)}, not {before}")
    ends_well(world, scene.bundle)


def label_without_rights(scene: Scene) -> None:
    """Someone who may label, and not write, asks for a training: neither that nor the schedule trains it"""
    world = scene.world
    world.may_fail.add(("train.yml", "permit"))
    number = world.propose("tempting", "A model", lambda _: world.clone.order(train__epochs=5), label=False)
    world.pump()
    before = counted(world)
    world.github.as_user("helper", "triage").label(number, "train")
    runs = world.pump("train.yml")
    refused(world, runs, "helper has no write rights")
    for _ in range(2):
        world.schedule()
        world.pump("report.yml")
    if counted(world)["jobs"] != before["jobs"]:
        raise BrokenError("a job was submitted")
    world.mona.unlabel(number, "train")
    world.mona.label(number, "train")
    world.pump("train.yml")
    world.await_report(number)
    world.is_now(number, "reported")
    ends_well(world, scene.bundle)


def stolen_environment(scene: Scene) -> None:
    """A pull request brings a workflow that takes all environments and roles: train's and plan's alone are given"""
    world = scene.world
    roles = sorted(value for name, value in world.github.variables.items() if name.startswith("AWS_ROLE_"))
    environments = ["", *sorted(world.github.environments)]
    text = STOLEN.replace("ROLES", json.dumps(roles)).replace("ENVIRONMENTS", json.dumps(environments))
    world.may_fail.add(("stolen.yml", "take"))

    def change(folder: Path) -> None:
        (folder / ".github" / "workflows" / "stolen.yml").write_text(text, encoding="utf-8")

    with asked(world) as asks:
        world.propose("stolen", "A small change", change, label=False)
        world.pump("stolen.yml")
    with world.timeline.step("what it got") as step:
        got = {(each.role, each.subject.rpartition(":")[2]) for each in asks if each.given}
        may = {
            ("slipway-plan", "pull_request"),
            ("slipway-train", "train"),
        }
        if got != may:
            raise BrokenError(f"it got {sorted(got)}")
        beyond = {each.subject.rpartition(":")[2] for each in asks} - {"pull_request", "train"}
        if beyond or len(roles) < 7 or len(environments) < 7:
            raise BrokenError(f"it was let into {sorted(beyond)}")
        step.shows(f"of {len(roles)} roles in {len(environments)} ways: train's and plan's, which pull requests may")
    ends_well(world, scene.bundle)


def hostile_dispatch(scene: Scene) -> None:
    """Word of a training's end that holds surprises: it is not looked at"""
    world = scene.world
    before = counted(world), world.comment(scene.number), world.github.pulls[scene.number].head_sha
    job = str(world.state(scene.number).name)
    for payload in (
        {"job": "slipway-0123456789abcdef-1", "status": "Completed"},
        {"job": "$(touch pwned)`id`", "status": "'; exit 1; '"},
        {"job": job, "status": "Failed", "number": scene.number, "sha": "main", "ref": "refs/heads/main"},
        {"reports": [{"number": scene.number, "sha": "0" * 40, "job": job, "base": "main"}], "job": [[]]},
        {},
    ):
        world.mona.do("POST", "dispatches", {"event_type": "training-ended", "client_payload": payload})
        [run] = world.pump("report.yml")
        if run.sha != world.github.git.resolve("main") or run.job("evaluate").result != "skipped":
            raise BrokenError(f"{payload} had something evaluated")
    world.mona.do("POST", "dispatches", {"event_type": "something-else", "client_payload": {"job": job}})
    if runs := world.pump():
        raise BrokenError(f"it started {runs[0].workflow}")
    if (counted(world), world.comment(scene.number), world.github.pulls[scene.number].head_sha) != before:
        raise BrokenError("something was changed")
    ends_well(world, scene.bundle)


def counted(world: World) -> dict[str, int]:
    """How much there is of what a training makes."""
    branches = world.github.git.refs("refs/heads/")
    jobs, comments = world.aws.sagemaker.jobs, world.github.comments
    return {"branches": len(branches), "jobs": len(jobs), "pulls": len(world.github.pulls), "comments": len(comments)}


def refused(world: World, runs: list[WorkflowRun], words: str) -> None:
    """Raise BrokenError unless the job permit says so."""
    with world.timeline.step("it is refused in words") as step:
        said = [
            line for run in runs for each in run.steps for line in each.log.splitlines() if each.conclusion == "failure"
        ]
        step.shows(next((line for line in said if words in line), ""))
        if not step.evidence:
            raise BrokenError(f"nothing says {words!r}: {said}")


@contextmanager
def asked(world: World) -> Iterator[list[Asked]]:
    """What jobs ask AWS's token service for, as long as the block lasts."""
    found: list[Asked] = []
    assume = world.aws.assume

    def listen(role_arn: str, claims: Mapping[str, str]) -> dict[str, str]:
        role = role_arn.rpartition("/")[2]
        try:
            given = assume(role_arn, claims)
        except AwsError:
            found.append(Asked(role, claims["sub"], given=False))
            raise
        found.append(Asked(role, claims["sub"], given=True))
        return given

    world.aws.assume = listen  # type: ignore[method-assign]
    try:
        yield found
    finally:
        del world.aws.assume


SCENARIOS = (
    gate_blocks,
    github_out_of_order,
    fork,
    form,
    form_with_surprises,
    label_without_rights,
    stolen_environment,
    hostile_dispatch,
)
