"""What a workflow's steps say that they did, or why they failed."""

from pathlib import Path

from slipway.rehearsal.runner.concurrency import OUSTED
from slipway.rehearsal.runner.record import JobRecord, StepRecord, WorkflowRun


def evidence(record: StepRecord) -> str:
    """What a step itself says that it did: its summary in a line, else the last line of its log."""
    rows = [" ".join(line.replace("|", " ").strip("#*- ").split()) for line in record.summary.splitlines()]
    told = " · ".join(row for row in rows if row.strip("- "))
    words = [line for line in record.log.splitlines() if line.strip() and not line.startswith(("::", "##["))]
    return told or (words[-1] if words else "")


def failed(run: WorkflowRun) -> list[JobRecord]:
    """The jobs that failed or were cut off, as by their timeout, but for those that gave way to a newer one."""
    return [
        job
        for job in run.jobs
        if job.result == "failure" or (job.result == "cancelled" and job.reason and not job.reason.startswith(OUSTED))
    ]


def failure(run: WorkflowRun) -> str:
    """The last words of the step that failed, or why its jobs did."""
    for step in run.steps:
        if step.conclusion == "failure":
            last = "\n".join(step.log.splitlines()[-15:])
            return f"{Path(run.workflow).name}, job {step.job}, step {step.step} failed:\n{last}"
    reasons = [f"{job.name}: {job.reason or job.result}" for job in failed(run)]
    return f"{Path(run.workflow).name} failed: {'; '.join(reasons)}"
