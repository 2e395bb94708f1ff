"""The attempts at one job, which AWS alone remembers: attempt N is the training job slipway-HASH-N.

The SDK, which takes two seconds to load, starts them; who looks asks boto3, and gets an attempt as DescribeTrainingJob
tells it: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from collections.abc import Sequence
from typing import Any

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

SHOWN = 20  # lines of the log that an error shows
LISTED = 20  # training jobs that `slipway jobs` lists
Told = dict[str, Any]


class ForeignJobError(UserError):
    """A job of another project, or repository, of this account has the name."""


class Attempts:
    """The attempts at the job `hash`."""

    def __init__(self, compute: SageMakerCompute, account: Account, hash: str) -> None:
        self.compute: SageMakerCompute = compute
        self.account, self.hash = account, hash
        self._numbers: list[int] | None = None
        self._ended: dict[int, Told] = {}

    def all(self) -> list[Told]:
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
        wanted = f"{PROJECT}-{self.hash}-"
        with in_words("SageMaker"):
            pages = self.account.client("sagemaker").get_paginator("list_training_jobs").paginate(NameContains=wanted)
            names = [str(job["TrainingJobName"]) for page in pages for job in page["TrainingJobSummaries"]]
        # the name of another project may end as ours begins
        return sorted(parse_name(name)[1] for name in names if name.startswith(wanted))

    def get(self, number: int) -> Told | None:
        """One attempt; None where there is none. Raises ForeignJobError where it is another project's."""
        if number in self._ended:
            return self._ended[number]
        name = job_name(self.hash, number)
        with in_words("SageMaker"):
            try:
                job: Told = self.account.client("sagemaker").describe_training_job(TrainingJobName=name)
            except ClientError as error:
                if code(error) == "ValidationException" and "not found" in message(error).lower():
                    return None
                raise
        if results(job) != output_uri(self.compute):
            raise ForeignJobError(
                f"{name} is another project's job (its results go to {results(job)}, ours to "
                f"{output_uri(self.compute)}): two projects of one account and region need two names."
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

    def stop(self, job: Told) -> bool:
        """Ask SageMaker to stop an attempt: it sends SIGTERM, and two minutes later the end; whether it ran."""
        if state(job) != "running":
            return False
        with in_words("SageMaker"):
            try:
                self.account.client("sagemaker").stop_training_job(TrainingJobName=job["TrainingJobName"])
            except ClientError as error:
                if code(error) != "ValidationException":  # it has ended meanwhile
                    raise
                return False
        return True

    def newest(self) -> list[Attempt]:
        """The newest training jobs of this project, whatever their hash."""
        client = self.account.client("sagemaker")
        with in_words("SageMaker"):
            order = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": LISTED}
            found = client.list_training_jobs(NameContains=f"{PROJECT}-", **order)["TrainingJobSummaries"]
            jobs: list[Told] = [client.describe_training_job(TrainingJobName=job["TrainingJobName"]) for job in found]
        # what the account's other projects have is none of ours, whatever its name
        jobs = [job for job in jobs if results(job) == output_uri(self.compute)]
        return [
            Attempt(
                name=str(job["TrainingJobName"]),
                where=machines(job),
                state=state(job),
                started=job["CreationTime"],
                seconds=number(job.get("TrainingTimeInSeconds")) if state(job) != "running" else None,
                usd=self.usd(job) if state(job) != "running" else None,
            )
            for job in jobs
        ]

    def usd(self, job: Told) -> float | None:
        """What an attempt was billed, with the warm pool after it; None where its type's price is not known."""
        kind, count = kind_of(job), count_of(job)
        pool = job.get("WarmPoolStatus", {}).get("ResourceRetainedBillableTimeInSeconds")
        return cost_usd(self.compute, kind, number(job.get("BillableTimeInSeconds")) + number(pool), count)

    def spent_usd(self, attempts: Sequence[Told]) -> float | None:
        """What attempts were billed together; None where a price is not known."""
        bills = [self.usd(each) for each in attempts]
        return None if None in bills else sum(filter(None, bills))

    def bill(self, job: Told) -> str:
        """How an attempt ended, and what it cost."""
        took, billed = number(job.get("TrainingTimeInSeconds")), number(job.get("BillableTimeInSeconds"))
        usd = self.usd(job)
        cost = "" if usd is None else f", ${usd:.2f}"
        saved = f" ({1 - billed / took:.0%} saved by spot)" if billed < took else ""
        name, ended = job["TrainingJobName"], job["TrainingJobStatus"]
        return f"{name}: {ended} on {machines(job)} after {took:.0f} s, {billed:.0f} s billed{cost}{saved}"

    def why_not(self, job: Told) -> str:
        """Why an attempt brought no result, with the end of its log."""
        name, reason = str(job["TrainingJobName"]), failure(job) or str(job["SecondaryStatus"])
        lines = JobLog(self.account.client("logs"), name).look()
        return "\n".join([f"{name} {state(job)}: {reason}", *lines[-SHOWN:]])


def state(job: Told) -> Status:
    """Our word for SageMaker's."""
    words: dict[str, Status] = {"Completed": "done", "Failed": "failed", "Stopped": "stopped"}
    return words.get(str(job["TrainingJobStatus"]), "running")


def failure(job: Told) -> str:
    """Why the job failed; empty where it did not."""
    return str(job.get("FailureReason", ""))


def results(job: Told) -> str:
    """Where its results go."""
    return str(job["OutputDataConfig"]["S3OutputPath"])


def stages(job: Told) -> list[str]:
    """What SageMaker has done with the job so far, as Downloading, Training, Interrupted."""
    return [str(each["Status"]) for each in job.get("SecondaryStatusTransitions", [])]


def lacked_machines(job: Told) -> bool:
    """Whether the attempt ended for want of machines: one on demand fails, one on spot waits as long as it may."""
    return failure(job).startswith("CapacityError") or job["SecondaryStatus"] == "MaxWaitTimeExceeded"


def machines(job: Told) -> str:
    """How many of which instance type."""
    return f"{count_of(job)} x {kind_of(job)}"


def kind_of(job: Told) -> str:
    """The instance type."""
    return str(job["ResourceConfig"]["InstanceType"])


def count_of(job: Told) -> int:
    """How many of them."""
    return int(job["ResourceConfig"]["InstanceCount"])


def number(value: object) -> float:
    """A figure that SageMaker gives once it knows it."""
    return float(value) if isinstance(value, int | float) else 0.0


def number_of(job: Told) -> int:
    """Which attempt it is."""
    return parse_name(str(job["TrainingJobName"]))[1]
