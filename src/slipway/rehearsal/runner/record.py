"""What the runner tells of what it ran."""

from dataclasses import dataclass, field

from slipway.rehearsal.runner.outside import Event


@dataclass(frozen=True)
class StepRecord:
    """One step of a job; outcomes are `success`, `failure`, `cancelled` or `skipped`; the log hides secrets."""

    workflow: str
    run: int
    attempt: int
    job: str
    step: str
    seconds: float
    outcome: str
    conclusion: str
    log: str
    summary: str
    annotations: tuple[str, ...] = ()  # `error: ...`, `warning: ...`, `notice: ...`


@dataclass(frozen=True)
class JobRecord:
    """One job: `id` is its key in the file, `name` what GitHub shows (with the values of a matrix)."""

    id: str
    name: str
    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    steps: tuple[StepRecord, ...] = ()
    seconds: float = 0.0
    recorded: bool = False  # told to be a success, and not replayed
    attempt: int = 1
    reason: str = ""  # why it failed outside of its steps


@dataclass(frozen=True)
class WorkflowRun:
    """One attempt of a run: `conclusion` is `success`, `failure`, `cancelled` or `skipped`."""

    workflow: str
    name: str
    id: int
    number: int
    attempt: int
    event: Event
    ref: str
    sha: str
    conclusion: str
    jobs: tuple[JobRecord, ...]

    def job(self, name: str) -> JobRecord:
        """The job with that key or shown name."""
        return next(each for each in self.jobs if name in (each.name, each.id))

    @property
    def steps(self) -> tuple[StepRecord, ...]:
        """The steps of all jobs."""
        return tuple(step for job in self.jobs for step in job.steps)
