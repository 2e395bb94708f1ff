"""A merge and the release that it starts: how most scenarios of releases begin, and what they look at afterwards."""

import re
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from slipway.rehearsal.aws.call import Call
from slipway.rehearsal.github import RefusedError
from slipway.rehearsal.github.pull import Pull
from slipway.rehearsal.runner.record import WorkflowRun
from slipway.rehearsal.story.evidence import failed
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World

DEPLOY = "deploy.yml"
PRODUCTION = "slipway-production"


def merge(world: World, number: int) -> str:
    """By a person; the commit that it makes."""
    with world.timeline.step(f"merge #{number}") as step:
        commit = world.mona.merge(number)
        step.shows(commit[:12])
    return commit


def propose(world: World, branch: str, title: str, change: Callable[[Path], None]) -> int:
    """A pull request that trains nothing, with all its checks."""
    with world.timeline.step(f"open a pull request: {title}") as step:
        number = world.propose(branch, title, change, label=False)
        step.shows(f"#{number}")
    world.pump("ci.yml")
    return number


def started(world: World, *failing: str, file: str = DEPLOY) -> WorkflowRun:
    """Run what was started; the last run of a workflow, of which just the jobs in `failing` fail."""
    return _watched(world, failing, file, lambda: [run for run in world.pump(file) if Path(run.workflow).name == file])


def release(world: World, number: int, *failing: str) -> WorkflowRun:
    """Merge a pull request, and run what that starts; else as `started`."""
    merge(world, number)
    return started(world, *failing)


def ask_back(world: World, number: int) -> None:
    """Release a pull request, and ask by the form for the version that answered before."""
    before = world.answering("production")
    assert before is not None
    release(world, number)
    with world.timeline.step(f"run deploy.yml by hand: roll back to version {before.version}"):
        world.mona.dispatch(DEPLOY, {"version": before.version})


def again(world: World, run: WorkflowRun, *failing: str) -> WorkflowRun:
    """As by the button: re-run the jobs of a run that failed; else as `started`."""
    with world.timeline.step(f"re-run {Path(run.workflow).name}"):
        pass
    return _watched(world, failing, Path(run.workflow).name, lambda: [world.runner.rerun(run)])


def _watched(world: World, failing: tuple[str, ...], file: str, runs: Callable[[], list[WorkflowRun]]) -> WorkflowRun:
    allowed = {(file, job) for job in failing}
    world.may_fail |= allowed
    try:
        found = runs()[-1]
    finally:
        world.may_fail -= allowed
    ended = {job.id for job in failed(found)}
    if ended != set(failing):
        raise BrokenError(f"{file}: {', '.join(ended) or 'no job'} failed, and {', '.join(failing) or 'none'} should")
    return found


def says(world: World, run: WorkflowRun, job: str, *words: str) -> str:
    """What a job says, in its logs and summaries. Raises BrokenError where some words are not in it."""
    told = "\n".join(f"{step.log}\n{step.summary}" for step in run.job(job).steps)
    with world.timeline.step(f"{job} says why") as step:
        for each in words:
            if each not in told:
                raise BrokenError(f"{job} does not say {each!r}:\n{told[-3000:]}")
        step.shows(next(line for line in told.splitlines() if words[0] in line))
    return told


def answers(world: World, bundle: str, environment: str = "production") -> None:
    """Raise BrokenError where an environment answers with another bundle."""
    with world.timeline.step(f"who answers in {environment}?") as step:
        there = world.answering(environment)
        if there is None or there.bundle != bundle:
            raise BrokenError(f"{environment} answers with {there}, not with {bundle}")
        step.shows(f"version {there.version}, bundle {bundle[:12]}")


def blocked(world: World, number: int) -> None:
    """Raise BrokenError unless the gate blocks a pull request, says so, and is why GitHub does not merge it."""
    head = world.github.pulls[number].head_sha
    if (verdict := world.gate(head)["verdict"]) != "block":
        raise BrokenError(f"the gate of #{number} says {verdict}")
    runs = [run for run in world.runner.runs if Path(run.workflow).name == "ci.yml" and run.sha == head]
    if not runs:
        raise BrokenError(f"ci.yml did not look at {head}")
    says(world, runs[-1], "model-gate", "reports/gate.json says block")
    checks = {check.name: check.conclusion for check in world.github.checks if check.sha == head}
    if (checks.get("test"), checks.get("model-gate")) != ("success", "failure"):
        raise BrokenError(f"the checks of #{number}: {checks}")
    not_merged(world, number)


def not_merged(world: World, number: int) -> None:
    """Raise BrokenError unless GitHub refuses a merge for the gate's check, and for no other."""
    with world.timeline.step("GitHub refuses the merge") as step:
        try:
            world.mona.merge(number)
        except RefusedError as error:
            if re.findall(r'status check "([^"]+)"', error.message) != ["model-gate"]:
                raise BrokenError(f"#{number} was refused, and not for its model alone: {error.message}") from error
            step.shows(error.message)
        else:
            raise BrokenError(f"#{number} was merged")


def image_tag(world: World, bundle: str, start: str = "origin/main") -> str:
    """The tag of the image with a bundle that a commit asks for."""
    world.clone.begin("look", start)
    code = f"from slipway.delivery.image.tag import tag_of; print(tag_of('{bundle}'))"
    return world.clone.run("python", "-c", code, environment=world.aws.environment).strip()


def image_of(world: World, bundle: str) -> str:
    """The digest of the image with a bundle that main's tip asks for. Raises BrokenError where there is none."""
    tag, ecr = image_tag(world, bundle), world.aws.client("ecr")
    name = "slipway-serve"
    try:
        found = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"]
    except ecr.exceptions.ImageNotFoundException:
        raise BrokenError(f"main asks for {name}:{tag}, which does not exist") from None
    return str(found[0]["imageDigest"])


def once_asked(world: World, do: Callable[[Call], None]) -> None:
    """Do something once, as soon as a release asks `live` of production: the canary has its share of the traffic."""
    first = Lock()

    def before(call: Call) -> None:
        asked = (call.service, call.action, call.body.get("FunctionName"), call.body.get("Qualifier"))
        if asked == ("lambda", "Invoke", PRODUCTION, "live") and first.acquire(blocking=False):
            do(call)

    world.aws.before = before


def newest(world: World) -> str:
    """The version that gets its first traffic. Raises BrokenError where none does."""
    alias = world.aws.client("lambda").get_alias(FunctionName=PRODUCTION, Name="live")
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if not weights:
        raise BrokenError(f"{PRODUCTION} has no canary")
    return str(next(iter(weights)))


def ring(world: World) -> None:
    """An alarm on the version that gets its first traffic, set by a person."""
    alarm = f"{PRODUCTION}-v{newest(world)}-errors"
    world.aws.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")


def reverts(world: World) -> list[Pull]:
    """The pull requests that take something back."""
    return [each for each in world.github.pulls.values() if each.head_ref.startswith("revert/")]


def the_revert(world: World) -> int:
    """The number of the one that there is. Raises BrokenError where there is another number of them."""
    with world.timeline.step("one pull request takes the model back") as step:
        found = reverts(world)
        if len(found) != 1:
            raise BrokenError(f"{len(found)} pull requests were opened to take it back")
        step.shows(f"#{found[0].number} {found[0].title}")
    return found[0].number


def serving_code(folder: Path) -> None:
    """A change of the function's code that changes no answer."""
    _append(folder / "lambda" / "service.py", "\n# answers are for people\n")


def documentation(folder: Path) -> None:
    """A change that nothing is made of."""
    _append(folder / "README.md", "\nAsk Mona.\n")


def _append(file: Path, text: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")
