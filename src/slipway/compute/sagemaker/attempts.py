"""The attempts at one job, which AWS alone remembers: attempt N is the training job slipway-HASH-N."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from slipway.compute.backend import Attempt, Status
from slipway.compute.folder import PROJECT, job_name, parse_name
from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.logs import JobLog
from slipway.compute.sagemaker.price import cost_usd
from slipway.compute.sagemaker.request import output_uri
from slipway.compute.sagemaker.words import code, in_words, message
from slipway.config.compute import SageMakerCompute
from slipway.errors import UserError

if TYPE_CHECKING:
    from sagemaker.core.resources import TrainingJob

SHOWN = 20  # lines of the log that an error shows
LISTED = 20  # training jobs that `slipway jobs` lists


class ForeignJobError(UserError):
    """A job of another project, or repository, of this account has the name."""


class Attempts:
    """The attempts at the job `hash`."""

    def __init__(self, compute: SageMakerCompute, account: Account, hash: str) -> None:
        self.compute: SageMakerCompute = compute
        self.account, self.hash = account, hash
        self._numbers: list[int] | None = None
        self._ended: dict[int, TrainingJob] = {}

    def all(self) -> list[TrainingJob]:
        """Every attempt there is, the first first. Raises ForeignJobError where a name is another project's job.

        The list of SageMaker comes first, for someone may have deleted an early one; what it does not show yet has
        one of the next numbers.
        """
        if self._numbers is None:
            self._numbers = self._listed()
        found = [job for number in self._numbers if (job := self.get(number))]
        while job := self.get(following := (self._numbers or [0])[-1] + 1):
            self._numbers.append(following)
            found.append(job)
        return found

    def _listed(self) -> list[int]:
        from sagemaker.core.resources import TrainingJob  # takes two seconds: not for who finds no job

        with in_words("SageMaker"):
            wanted = f"{PROJECT}-{self.hash}-"
            names = [
                str(job.training_job_name) for job in TrainingJob.get_all(name_contains=wanted, **self.account.where)
            ]
        # the name of another project may end as ours begins
        return sorted(parse_name(name)[1] for name in names if name.startswith(wanted))

    def get(self, number: int) -> TrainingJob | None:
        """One attempt; None where there is none. Raises ForeignJobError where it is another project's."""
        if number in self._ended:
            return self._ended[number]
        from sagemaker.core.resources import TrainingJob

        name = job_name(self.hash, number)
        with in_words("SageMaker"):
            try:
                job = TrainingJob.get(name, **self.account.where)
            except ClientError as error:
                if code(error) == "ValidationException" and "not found" in message(error).lower():
                    return None
                raise
        if job.output_data_config.s3_output_path != output_uri(self.compute):
            raise ForeignJobError(
                f"{name} is another project's job (its results go to {job.output_data_config.s3_output_path}, "
                f"ours to {output_uri(self.compute)}): two projects of one account and region need two names."
            )
        if state(job) != "running":
            self._ended[number] = job  # it will not change any more
        return job

    def create(self, request: dict[str, Any]) -> bool:
        """Start the attempt of `request`; false where there is one of that name already, and it is ours.

        That is so where another process was quicker, or an answer of AWS was lost. Raises ClientError.
        """
        from sagemaker.core.resources import TrainingJob

        try:
            TrainingJob.create(**request, **self.account.where)
        except ClientError as error:
            if code(error) != "ResourceInUse":
                raise
            self.all()
            return False
        return True

    def newest(self) -> list[Attempt]:
        """The newest training jobs of this project, whatever their hash."""
        from sagemaker.core.resources import TrainingJob

        with in_words("SageMaker"):
            order = {"sort_by": "CreationTime", "sort_order": "Descending"}
            found = TrainingJob.get_all(name_contains=f"{PROJECT}-", **order, **self.account.where)
            jobs = [job.refresh() for _, job in zip(range(LISTED), found, strict=False)]
        # what the account's other projects have is none of ours, whatever its name
        jobs = [job for job in jobs if job.output_data_config.s3_output_path == output_uri(self.compute)]
        return [
            Attempt(
                name=str(job.training_job_name),
                where=machines(job),
                state=state(job),
                started=job.creation_time,
                seconds=number(job.training_time_in_seconds) if state(job) != "running" else None,
                usd=self.usd(job) if state(job) != "running" else None,
            )
            for job in jobs
        ]

    def usd(self, job: TrainingJob) -> float | None:
        """What an attempt was billed, with the warm pool after it; None where its type's price is not known."""
        kind, count = str(job.resource_config.instance_type), int(job.resource_config.instance_count)
        pool = getattr(job.warm_pool_status, "resource_retained_billable_time_in_seconds", None)
        return cost_usd(self.compute, kind, number(job.billable_time_in_seconds) + number(pool), count)

    def spent_usd(self, attempts: Sequence[TrainingJob]) -> float | None:
        """What attempts were billed together; None where a price is not known."""
        bills = [self.usd(each) for each in attempts]
        return None if None in bills else sum(filter(None, bills))

    def bill(self, job: TrainingJob) -> str:
        """How an attempt ended, and what it cost."""
        took, billed, usd = number(job.training_time_in_seconds), number(job.billable_time_in_seconds), self.usd(job)
        cost = "" if usd is None else f", ${usd:.2f}"
        saved = f" ({1 - billed / took:.0%} saved by spot)" if billed < took else ""
        name, ended = job.training_job_name, job.training_job_status
        return f"{name}: {ended} on {machines(job)} after {took:.0f} s, {billed:.0f} s billed{cost}{saved}"

    def why_not(self, job: TrainingJob) -> str:
        """Why an attempt brought no result, with the end of its log."""
        reason = failure(job) or str(job.secondary_status)
        lines = JobLog(self.account.client("logs"), str(job.training_job_name)).look()
        return "\n".join([f"{job.training_job_name} {state(job)}: {reason}", *lines[-SHOWN:]])


def state(job: TrainingJob) -> Status:
    """Our word for SageMaker's."""
    words: dict[str, Status] = {"Completed": "done", "Failed": "failed", "Stopped": "stopped"}
    return words.get(str(job.training_job_status), "running")


def failure(job: TrainingJob) -> str:
    """Why the job failed; empty where it did not."""
    return job.failure_reason if isinstance(job.failure_reason, str) else ""


def stages(job: TrainingJob) -> list[str]:
    """What SageMaker has done with the job so far, as Downloading, Training, Interrupted."""
    found = job.secondary_status_transitions
    return [str(each.status) for each in found] if isinstance(found, list) else []


def lacked_machines(job: TrainingJob) -> bool:
    """Whether the attempt ended for want of machines: one on demand fails, one on spot waits as long as it may."""
    return failure(job).startswith("CapacityError") or job.secondary_status == "MaxWaitTimeExceeded"


def machines(job: TrainingJob) -> str:
    """How many of which instance type."""
    return f"{job.resource_config.instance_count} x {job.resource_config.instance_type}"


def number(value: object) -> float:
    """A figure that SageMaker gives once it knows it."""
    return float(value) if isinstance(value, int | float) else 0.0


def number_of(job: TrainingJob) -> int:
    """Which attempt it is."""
    return parse_name(str(job.training_job_name))[1]
