"""Trains on SageMaker. AWS holds the state: attempt N at a job is the training job slipway-HASH-N, and nothing else.

Whoever asks, after any crash and on any machine, finds the attempts there are, and starts the next only where the last
has ended without a result.
"""

import os
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from slipway.compute.backend import Attempt, Inputs, Status
from slipway.compute.folder import PROJECT, JobFolder, job_name
from slipway.compute.image import image_tag
from slipway.compute.job import encoder_files
from slipway.compute.sagemaker import upload
from slipway.compute.sagemaker.logs import JobLog
from slipway.compute.sagemaker.price import cost_usd, limit_seconds
from slipway.compute.sagemaker.request import has_gpu, output_uri, training_request
from slipway.compute.sagemaker.result import unpack
from slipway.compute.sagemaker.words import CREDENTIALS, Expired, Unreachable, code, in_words, message
from slipway.config.compute import SageMakerCompute
from slipway.errors import UserError
from slipway.tracking import git_commit
from slipway.training.layout import Job

if TYPE_CHECKING:
    from sagemaker.core.resources import TrainingJob

POLL_SECONDS = 5.0
SHOWN = 20  # lines of the log that an error shows
LISTED = 20  # training jobs that `slipway jobs` lists
RUNNING = ("InProgress", "Stopping")
# what no change of ours would mend, so that the next run tries again
PASSING = ("CapacityError", "InternalServerError", "ClientError")
# of a bucket's answers and of its requests: retried with jitter, and not for ever
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 8}, connect_timeout=10, read_timeout=60)
PATIENCE = 10  # polls in a row that AWS does not answer


class SageMaker:
    """The backend `sagemaker`; `say` shows a line to whoever waits."""

    ends_with_wait = False

    def __init__(self, compute: SageMakerCompute, folder: JobFolder, say: Callable[[str], None]) -> None:
        for key, variable in (
            ("bucket", "SLIPWAY_BUCKET"),
            ("role", "SLIPWAY_TRAINING_ROLE"),
            ("repository", "SLIPWAY_TRAINING_REPOSITORY"),
        ):
            if getattr(compute, key) is None:
                raise UserError(f"compute.{key} is not set: terraform/platform prints it; or set {variable}.")
        # pip and the SDK's telemetry have no business in a training run
        os.environ.setdefault("SAGEMAKER_PYTHON_SDK_TELEMETRY_OPT_OUT", "true")
        self.compute: SageMakerCompute = compute
        self.folder, self.say = folder, say
        self._terminal: list[TrainingJob] = []

    @property
    def name(self) -> str:
        """The name of the last attempt."""
        return job_name(self.folder.hash, len(self._attempts()))

    def status(self) -> Status:
        """Where the last attempt stands; a result that is here already needs no account."""
        if self.folder.done():
            return "done"
        attempts = self._attempts()
        return state(attempts[-1]) if attempts else "absent"

    def running(self) -> bool:
        """Whether the last attempt runs, or waits for a machine."""
        return self.status() == "running"

    def submit(self, job: Job, inputs: Inputs) -> bool:
        """Start the next attempt on the first instance type that can be had; returns whether it was started.

        Raises UserError where the last attempt failed by its own fault, and `compute.retry` does not ask for another.
        """
        if self.folder.done():
            return False
        attempts = self._attempts()
        if attempts and not self._may_follow(attempts[-1]):
            return False
        with in_words(f"s3://{self.compute.bucket}"):
            self.session.client("s3", config=RETRIES).head_bucket(Bucket=self.compute.bucket)
        images = {kind: self._image(kind) for kind in {self._build(kind) for kind in self.compute.instance_types}}
        with in_words(f"s3://{self.compute.bucket}"):
            channels = self._send(inputs)
        spent = sum(self._usd(each) or 0.0 for each in attempts)
        # a type that could not be had the last time is asked last
        lacking = {
            str(each.resource_config.instance_type) for each in attempts if failure(each).startswith("CapacityError")
        }
        reasons = []
        for kind in sorted(self.compute.instance_types, key=lambda kind: kind in lacking):
            seconds = limit_seconds(self.compute, kind, spent)
            self._estimate(kind, seconds)
            request = training_request(
                self.compute,
                job,
                len(attempts) + 1,
                kind,
                images[self._build(kind)],
                channels,
                inputs.tracking_uri,
                seconds,
                git_commit(),
            )
            try:
                return self._create(request)
            except ClientError as error:
                if code(error) != "ResourceLimitExceeded" and "capacity" not in message(error).lower():
                    with in_words("SageMaker"):
                        raise
                reasons.append(f"{kind}: {message(error)}")
        raise UserError(
            "no instance type of compute.instance_types can be had:\n"
            + "\n".join(f"- {reason}" for reason in reasons)
            + "\nAsk for a higher quota (console: Service Quotas, Amazon SageMaker), or choose other types."
        )

    def follow(self) -> Iterator[str]:
        """The lines of the last attempt's log, and what SageMaker does with it, until it has ended.

        Raises UserError where the credentials end or AWS cannot be reached for long: the job goes on all the same.
        """
        if self.folder.done():
            return
        name = self.name
        log = JobLog(self.session.client("logs", config=RETRIES), name)
        stage, silent = "", 0
        while True:
            try:
                with in_words("SageMaker"):
                    job = self._attempts()[-1]
                    ended = state(job) != "running"
                    lines = [*log.new_lines()]
            except Expired as error:
                silent += 1
                if silent > 1:  # with fresh ones too
                    raise UserError(f"{error} {name} goes on: `dvc repro` waits for it again.") from error
                self._forget_session()
                log.logs = self.session.client("logs", config=RETRIES)
                continue
            except Unreachable as error:
                silent += 1
                if silent > PATIENCE:
                    raise UserError(f"{error} {name} goes on: `dvc repro` waits for it again.") from error
                time.sleep(POLL_SECONDS)
                continue
            silent = 0
            if str(job.secondary_status) != stage:
                stage = str(job.secondary_status)
                yield f"{name}: {stage}"
            yield from lines
            if ended and not lines:  # the log comes a little later than the end
                yield self._account(job)
                return
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask SageMaker to stop the last attempt: it sends SIGTERM, and two minutes later the end."""
        with in_words("SageMaker"):
            attempts = self._attempts()
            if attempts and state(attempts[-1]) == "running":
                try:
                    attempts[-1].stop()
                except ClientError as error:
                    if code(error) != "ValidationException":  # it has ended meanwhile
                        raise

    def collect(self) -> None:
        """Fetch the result. Raises UserError where there is none, with the reason and the end of the log."""
        with self.folder.locked("collect"):
            if self.folder.done():
                return
            attempts = self._attempts()
            if not attempts or state(attempts[-1]) != "done":
                raise UserError(
                    self._why_not(attempts[-1]) if attempts else f"job {self.folder.hash} was never started."
                )
            job = attempts[-1]
            uri = str(job.model_artifacts.s3_model_artifacts)
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            archive = self.folder.path / "model.tar.gz"
            try:
                with in_words(uri):
                    self.session.client("s3", config=RETRIES).download_file(bucket, key, str(archive))
                unpack(archive, self.folder.layout, self.folder.hash)
            except UserError as error:
                raise UserError(
                    f"{error} The result of {job.training_job_name} is {uri}; compute.retry=true trains again, from "
                    "the last checkpoint."
                ) from error
            finally:
                archive.unlink(missing_ok=True)

    def listed(self) -> list[Attempt]:
        """This project's newest training jobs."""
        from sagemaker.core.resources import TrainingJob

        with in_words("SageMaker"):
            found = TrainingJob.get_all(
                name_contains=f"{PROJECT}-",
                sort_by="CreationTime",
                sort_order="Descending",
                session=self.session,
                region=self.session.region_name,
            )
            jobs = [each for _, each in zip(range(LISTED), found, strict=False)]
            return [self._attempt(each.refresh()) for each in jobs]

    @cached_property
    def session(self) -> boto3.Session:
        """Credentials and region, as boto3 finds them."""
        with in_words("AWS"):
            session = boto3.Session(region_name=self.compute.region)
            if session.region_name is None:
                raise UserError("no AWS region: set compute.region, or AWS_REGION.")
            if session.get_credentials() is None:
                raise UserError(f"no AWS credentials. {CREDENTIALS}")
            return session

    def _forget_session(self) -> None:
        """Look for credentials anew: another process may have renewed them."""
        del self.session

    def _attempts(self) -> "list[TrainingJob]":
        """Every attempt there is, the first first; those that have ended are asked for once."""
        from sagemaker.core.resources import TrainingJob

        found = [*self._terminal]
        while True:
            name = job_name(self.folder.hash, len(found) + 1)
            with in_words("SageMaker"):
                try:
                    job = TrainingJob.get(name, session=self.session, region=self.session.region_name)
                except ClientError as error:
                    if code(error) == "ValidationException" and "not found" in message(error).lower():
                        return found
                    raise
            if job.output_data_config.s3_output_path != output_uri(self.compute):
                raise UserError(
                    f"{name} is another project's job (its results go to {job.output_data_config.s3_output_path}, "
                    f"ours to {output_uri(self.compute)}): two projects of one account and region need two names."
                )
            found.append(job)
            if state(job) != "running" and len(self._terminal) == len(found) - 1:
                self._terminal.append(job)

    def _may_follow(self, last: "TrainingJob") -> bool:
        """Whether another attempt may follow the last one."""
        if state(last) == "running" or (state(last) == "done" and not self.compute.retry):
            return False
        if state(last) == "failed" and not failure(last).startswith(PASSING) and not self.compute.retry:
            raise UserError(
                f"{self._why_not(last)}\nThe same would fail again: change what is wrong, or try it once more as it is "
                "with compute.retry=true."
            )
        return True

    def _create(self, request: dict[str, Any]) -> bool:
        """Start the job; false where another process was quicker, or an answer of AWS was lost."""
        from sagemaker.core.resources import TrainingJob

        try:
            TrainingJob.create(**request, session=self.session, region=self.session.region_name)
        except ClientError as error:
            if code(error) != "ResourceInUse":
                raise
            self._attempts()  # looks whether it is ours
            return False
        return True

    def _send(self, inputs: Inputs) -> dict[str, str]:
        """The S3 prefix of each channel, after what is not there yet was sent."""
        store = upload.Inputs(self.session.client("s3", config=RETRIES), str(self.compute.bucket), self.compute.kms_key)
        prepared = [path for path in inputs.prepared.rglob("*") if path.is_file()]
        channels = {"code": store.code(), "prepared": store.folder("prepared", prepared, inputs.prepared)}
        if inputs.encoder is not None:
            channels["encoder"] = store.folder("encoder", encoder_files(inputs.encoder), inputs.encoder)
        return channels

    def _build(self, instance_type: str) -> str:
        return "gpu" if has_gpu(instance_type) else "cpu"

    def _image(self, device: str) -> str:
        """The training image's address. Raises UserError where the registry does not have it."""
        registry, _, repository = str(self.compute.repository).partition("/")
        tag = image_tag(device)
        with in_words(str(self.compute.repository)):
            try:
                self.session.client("ecr", config=RETRIES).describe_images(
                    registryId=registry.split(".")[0], repositoryName=repository, imageIds=[{"imageTag": tag}]
                )
            except ClientError as error:
                if code(error) not in ("ImageNotFoundException", "RepositoryNotFoundException"):
                    raise
                raise UserError(
                    f"{self.compute.repository}:{tag} is missing: `make image-train DEVICE={device}` builds it, "
                    "`docker push` brings it there."
                ) from error
        return f"{self.compute.repository}:{tag}"

    def _estimate(self, instance_type: str, seconds: int) -> None:
        """Say what the job may cost, before it is started."""
        compute = self.compute
        spot = ", spot" if compute.spot else ""
        line = f"{compute.instance_count} x {instance_type}{spot}, {seconds / 3600:.1f} h at most"
        if instance_type in compute.prices_usd:
            hour = cost_usd(compute, instance_type, 3600)
            line += f": ${hour:.2f} an hour on demand, ${hour * seconds / 3600:.2f} at most"
        self.say(line)

    def _usd(self, job: "TrainingJob") -> float | None:
        """What an attempt was billed; None where its type's price is not known."""
        kind, seconds = str(job.resource_config.instance_type), job.billable_time_in_seconds
        if kind not in self.compute.prices_usd:
            return None
        return cost_usd(self.compute, kind, number(seconds), int(job.resource_config.instance_count))

    def _account(self, job: "TrainingJob") -> str:
        """How the attempt ended, and what it cost."""
        took, billed, usd = number(job.training_time_in_seconds), number(job.billable_time_in_seconds), self._usd(job)
        cost = "" if usd is None else f", ${usd:.2f}"
        saved = f" ({1 - billed / took:.0%} saved by spot)" if took and billed < took else ""
        return (
            f"{job.training_job_name}: {job.training_job_status} after {took:.0f} s, {billed:.0f} s billed{cost}{saved}"
        )

    def _why_not(self, job: "TrainingJob") -> str:
        """Why an attempt brought no result, with the end of its log."""
        reason = failure(job) or str(job.secondary_status)
        with in_words("CloudWatch Logs"):
            lines = [*JobLog(self.session.client("logs", config=RETRIES), str(job.training_job_name)).new_lines()]
        return "\n".join([f"{job.training_job_name} {state(job)}: {reason}", *lines[-SHOWN:]])

    def _attempt(self, job: "TrainingJob") -> Attempt:
        return Attempt(
            name=str(job.training_job_name),
            where=f"{job.resource_config.instance_count} x {job.resource_config.instance_type}",
            state=state(job),
            started=job.creation_time,
            seconds=number(job.training_time_in_seconds),
            usd=self._usd(job),
        )


def state(job: "TrainingJob") -> Status:
    """Our word for SageMaker's."""
    words: dict[str, Status] = {"Completed": "done", "Failed": "failed", "Stopped": "stopped"}
    return words.get(str(job.training_job_status), "running")


def failure(job: "TrainingJob") -> str:
    """Why the job failed; empty where it did not."""
    return job.failure_reason if isinstance(job.failure_reason, str) else ""


def number(value: object) -> float:
    """A figure that SageMaker gives once it knows it."""
    return float(value) if isinstance(value, int | float) else 0.0
