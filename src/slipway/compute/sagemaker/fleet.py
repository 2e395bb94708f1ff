"""The project's training jobs as a sweep sees them: what became of each, and what it costs."""

from slipway.compute.folder import PROJECT, job_name, parse_name
from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.attempts import (
    Attempts,
    ForeignJobError,
    Told,
    count_of,
    failure,
    kind_of,
    lacked_machines,
    machines,
    number,
    number_of,
    state,
)
from slipway.compute.sagemaker.price import cost_usd
from slipway.compute.sagemaker.trained import Fate, Trained
from slipway.compute.sagemaker.words import in_words
from slipway.config.compute import SageMakerCompute
from slipway.errors import UserError

TAG = "pull-request"  # conf/compute/sagemaker.yaml


class Fleet:
    """The training jobs of this project in the account that `compute` names."""

    def __init__(self, compute: SageMakerCompute) -> None:
        if compute.bucket is None:
            raise UserError(
                "compute.bucket is not set: terraform/platform prints it; or set SLIPWAY_BUCKET.",
            )
        self.compute, self.account = compute, Account(compute.region)

    def last(self, hash: str) -> Trained | None:
        """The last attempt at the job `hash`."""
        attempts = self.attempts(hash).all()
        return self.read(attempts[-1]) if attempts else None

    def spent_usd(self, hash: str) -> float | None:
        """What all attempts at a job were billed; None where a price is not known."""
        attempts = self.attempts(hash)
        return attempts.spent_usd(attempts.all())

    def why_not(self, hash: str) -> str:
        """Why the last attempt at a job brought no result, and the end of its log, a line each."""
        attempts = self.attempts(hash)
        return attempts.why_not(attempts.all()[-1])

    def running(self) -> dict[str, int | None]:
        """The names of attempts that run or wait for a machine, and the pull request that each is tagged with."""
        found: dict[str, int | None] = {}
        client = self.account.client("sagemaker")
        with in_words("SageMaker"):
            pages = client.get_paginator("list_training_jobs")
            for page in pages.paginate(NameContains=f"{PROJECT}-", StatusEquals="InProgress"):
                for job in page["TrainingJobSummaries"]:
                    name = str(job["TrainingJobName"])
                    try:
                        hash, attempt = parse_name(name)
                    except UserError:
                        continue  # another project's
                    parts = client.get_paginator("list_tags").paginate(ResourceArn=job["TrainingJobArn"])
                    tags = {str(tag["Key"]): str(tag["Value"]) for part in parts for tag in part["Tags"]}
                    if tags.get("project") == PROJECT and self.is_ours(hash, attempt):
                        told = tags.get(TAG, "")
                        found[name] = int(told) if told.isascii() and told.isdecimal() else None
        return found

    def is_ours(self, hash: str, attempt: int) -> bool:
        """Whether an attempt is none of another repository's that has our name."""
        try:
            self.attempts(hash).get(attempt)
        except ForeignJobError:
            return False
        return True

    def stop(self, name: str) -> bool:
        """Ask SageMaker to stop an attempt; returns whether it ran."""
        hash, attempt = parse_name(name)
        attempts = self.attempts(hash)
        job = next((each for each in attempts.all() if number_of(each) == attempt), None)
        return job is not None and attempts.stop(job)

    def attempts(self, hash: str) -> Attempts:
        """The attempts at a job. They raise ForeignJobError where they are another project's."""
        return Attempts(self.compute, self.account, hash)

    def read(self, job: Told) -> Trained:
        """An attempt as a sweep sees it."""
        limit = int(job["StoppingCondition"]["MaxRuntimeInSeconds"])
        hash, attempt = parse_name(str(job["TrainingJobName"]))
        return Trained(
            name=job_name(hash, attempt),
            hash=hash,
            attempt=attempt,
            fate=fate(job),
            why=failure(job) or str(job["SecondaryStatus"]),
            machines=machines(job),
            spot=job.get("EnableManagedSpotTraining") is True,
            limit_seconds=limit,
            most_usd=cost_usd(self.compute, kind_of(job), limit, count_of(job)),
            seconds=number(job.get("TrainingTimeInSeconds")),
            billed_seconds=number(job.get("BillableTimeInSeconds")),
            usd=self.attempts(hash).usd(job) if state(job) != "running" else None,
        )


def fate(job: Told) -> Fate:
    """What became of an attempt. One that ran into its own limit failed: another would run into it too."""
    if lacked_machines(job) or failure(job).startswith("InternalServerError"):
        return "again"
    found = state(job)
    if found == "stopped" and job["SecondaryStatus"] != "Stopped":
        return "failed"
    return found
