"""A runner that dies after each step of a workflow, and the run that goes on."""

from collections.abc import Callable, Iterable, Mapping

import yaml

from slipway.rehearsal.runner.record import WorkflowRun
from slipway.rehearsal.story.timeline import BrokenError
from slipway.rehearsal.story.world import World

DEAD = "The runner has received a shutdown signal"


def steps(world: World, file: str, job: str) -> list[dict[str, object]]:
    """The steps of a job, as main's workflow file has them."""
    found: list[dict[str, object]] = yaml.safe_load(world.github.git.run("show", f"main:.github/workflows/{file}"))[
        "jobs"
    ][job]["steps"]
    return found


def kill_in_turn(
    world: World,
    file: str,
    jobs: Mapping[str, Iterable[int] | None],
    run: WorkflowRun | None = None,
    restore: Callable[[], None] = lambda: None,
) -> WorkflowRun:
    """The run of a workflow that waits to be started (or `run`, again), whose machine dies after each step of the jobs
    in turn, or those of that number; it is run again each time. `restore` is called after each death.

    Returns the last run, which is dead. Raises BrokenError where one goes on, or had failed before it died.
    """
    for job, chosen in jobs.items():
        for at in range(len(steps(world, file, job))) if chosen is None else chosen:
            world.runner.kill_after = (file, job, at)
            if run is None:
                runs = world.runner.pump()
                for each in runs:
                    world.show_recorded(each)
                [run] = [each for each in runs if each.workflow.endswith(file)]
            else:
                run = world.runner.rerun(run)
            dead = [each for each in run.jobs if each.id == job and each.reason.startswith(DEAD)]
            if not dead:
                raise BrokenError(f"{file}, job {job}: the runner did not die after step {at}: {run.jobs}")
            for step in dead[0].steps:
                if step.conclusion == "failure":
                    raise BrokenError(f"{file}, job {job}: {step.step} failed before the runner died:\n{step.log}")
            restore()
    if run is None:
        raise BrokenError(f"{file} was killed after no step")
    return run
