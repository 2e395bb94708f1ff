"""Trains on SageMaker. Whoever asks, after any crash and on any machine, finds the attempts that there are, and starts
the next only where the last has ended without a result."""

import time
from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from slipway.compute.backend import Inputs, Status
from slipway.compute.folder import JobFolder, job_name
from slipway.compute.image import image_tag
from slipway.compute.job import encoder_files, prepared_files
from slipway.compute.local import Local
from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.attempts import (
    Attempts,
    Told,
    failure,
    kind_of,
    lacked_machines,
    number_of,
    stages,
    state,
)
from slipway.compute.sagemaker.logs import JobLog
from slipway.compute.sagemaker.price import cost_usd, limit_seconds
from slipway.compute.sagemaker.request import device_of, training_request
from slipway.compute.sagemaker.result import Spoiled, unpack
from slipway.compute.sagemaker.upload import Uploads
from slipway.compute.sagemaker.words import Expired, Unreachable, code, in_words, message
from slipway.config.compute import SageMakerCompute
from slipway.config.model import Pretrained
from slipway.errors import UserError
from slipway.tracking import git_commit
from slipway.training.layout import Job

POLL_SECONDS = 5.0
PATIENCE = 10  # polls in a row that AWS does not answer
# failures that no change of ours would mend, or a change outside of what the hash is made of: the next run tries again
PASSING = ("CapacityError", "InternalServerError", "ClientError")


class SageMaker:
    """The backend `sagemaker`; `say` shows a line to whoever waits."""

    ends_with_wait = False
    choice = "compute=sagemaker"

    def __init__(self, compute: SageMakerCompute, folder: JobFolder, say: Callable[[str], None]) -> None:
        settings = {
            "bucket": "SLIPWAY_BUCKET",
            "role": "SLIPWAY_TRAINING_ROLE",
            "repository": "SLIPWAY_TRAINING_REPOSITORY",
        }
        for key, variable in settings.items():
            if getattr(compute, key) is None:
                raise UserError(f"compute.{key} is not set: terraform/platform prints it; or set {variable}.")
        self.compute: SageMakerCompute = compute
        self.folder, self.say = folder, say
        self.account = Account(compute.region)
        self.attempts = Attempts(compute, self.account, folder.hash)

    @property
    def name(self) -> str:
        """The name of the last attempt."""
        attempts = self.attempts.all()
        return job_name(self.folder.hash, number_of(attempts[-1]) if attempts else 0)

    def status(self) -> Status:
        """Where the last attempt stands; a result that is here already needs no account."""
        if self.folder.done():
            return "done"
        attempts = self.attempts.all()
        return state(attempts[-1]) if attempts else "absent"

    def running(self) -> bool:
        """Whether the last attempt runs, or waits for a machine."""
        return self.status() == "running"

    def submit(self, job: Job, inputs: Inputs) -> bool:
        """Start the next attempt on the first instance type that can be had; returns whether it was started.

        One that was asked to stop is waited for, minutes: the next goes on from the checkpoint that it leaves.

        Raises UserError where the last attempt failed by its own fault and `compute.retry` does not ask for another,
        where the cost ceiling is reached, and where no type can be had, with the reason for each.
        """
        if self.folder.done():
            return False
        if Local(self.folder).running():
            raise UserError(
                f"{Local(self.folder).name} trains the same here: wait for it, or stop it, with compute=local."
            )
        if isinstance(job.model, Pretrained) and inputs.encoder is None and self.compute.network_isolation:
            raise UserError(
                f"{job.model.name} would be downloaded, and compute.network_isolation forbids it: bring it to "
                "data/local, and set model.name to its folder."
            )
        attempts = self._none_stopping()
        if attempts and not self._may_follow(attempts[-1]):
            return False
        self._check_bucket()
        images = {device: self._image(device) for device in {device_of(kind) for kind in self.compute.instance_types}}
        seconds, too_dear = self._limits(self.attempts.spent_usd(attempts))
        with in_words(f"s3://{self.compute.bucket}"):
            channels = self._send(inputs)
        # a type that could not be had is asked last
        lacking = {kind_of(each) for each in attempts if lacked_machines(each)}
        reasons = []
        for kind in sorted(seconds, key=lambda kind: kind in lacking):
            self.say(self._estimate(kind, seconds[kind]))
            request = training_request(
                self.compute,
                job,
                number_of(attempts[-1]) + 1 if attempts else 1,
                kind,
                images[device_of(kind)],
                channels,
                inputs.tracking_uri,
                seconds[kind],
                git_commit(),
            )
            with in_words("SageMaker"):
                try:
                    return self.attempts.create(request)
                except ClientError as error:
                    if code(error) != "ResourceLimitExceeded" and "capacity" not in message(error).lower():
                        raise
                    reasons.append(f"- {kind}: {message(error)}")
        raise UserError(
            "no instance type of compute.instance_types can be had:\n"
            + "\n".join([*reasons, *too_dear])
            + "\nAsk for a higher quota (console: Service Quotas, Amazon SageMaker), or choose other types."
        )

    def follow(self, attempt: int | None = None) -> Iterator[str]:
        """The lines of an attempt's log (None: the last one's), and what SageMaker does with it, until it has ended.

        Raises UserError where the credentials end or AWS does not answer for long: the job goes on all the same.
        """
        number = attempt or number_of(self.attempts.all()[-1])
        name = job_name(self.folder.hash, number)
        log = JobLog(self.account.client("logs"), name)
        told, silent, quiet = 0, 0, 0
        while True:
            try:
                job = next((each for each in self.attempts.all() if number_of(each) == number), None)
                if job is None:
                    raise UserError(f"{name} was deleted.")
                lines = log.look()
            except (Expired, Unreachable) as error:
                silent += 1
                if silent > (1 if isinstance(error, Expired) else PATIENCE):  # fresh credentials were tried too
                    raise UserError(f"{error} {name} goes on: `dvc repro` waits for it again.") from error
                self.account.forget()
                log.logs = self.account.client("logs")
                time.sleep(POLL_SECONDS)
                continue
            silent = 0
            for stage in stages(job)[told:]:
                told += 1
                yield f"{name}: {stage}"
            yield from lines
            quiet = 0 if lines else quiet + 1
            if state(job) != "running" and quiet > 1:  # the log comes a little later than the end
                return
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Ask SageMaker to stop the last attempt."""
        attempts = self.attempts.all()
        if attempts:
            self.attempts.stop(attempts[-1])

    def collect(self) -> None:
        """Fetch the result, and say what it cost. Raises UserError where there is none, with the reason."""
        with self.folder.locked("collect"):
            if self.folder.done():
                return
            attempts = self.attempts.all()
            if not attempts:
                raise UserError(
                    f"job {self.folder.hash} was never started: `slipway submit` does.",
                )
            self.say(self.attempts.bill(attempts[-1]))
            if len(attempts) > 1 and (usd := self.attempts.spent_usd(attempts)) is not None:
                self.say(f"all {len(attempts)} attempts: ${usd:.2f}")
            if state(attempts[-1]) != "done":
                raise UserError(self.attempts.why_not(attempts[-1]))
            self._fetch(attempts[-1])

    def _fetch(self, job: Told) -> None:
        """Bring an attempt's result here."""
        uri = str(job["ModelArtifacts"]["S3ModelArtifacts"])
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        archive = self.folder.path / "model.tar.gz"
        again = "compute.retry=true trains again, from the last checkpoint."
        try:
            with in_words(uri):
                try:
                    self.account.client("s3").download_file(bucket, key, str(archive))
                except ClientError as error:
                    if code(error) not in ("404", "NoSuchKey"):
                        raise
                    raise Spoiled(f"{uri} is gone. {again}") from error
            try:
                unpack(archive, self.folder.layout, self.folder.hash)
            except Spoiled as error:
                raise Spoiled(f"{uri}: {error} {again}") from error
        finally:
            archive.unlink(missing_ok=True)

    def _none_stopping(self) -> list[Told]:
        """The attempts, once the last one is none that was asked to stop and has not ended."""
        attempts, told = self.attempts.all(), False
        while attempts and attempts[-1]["TrainingJobStatus"] == "Stopping":
            if not told:
                self.say(f"{attempts[-1]['TrainingJobName']} is stopping: the next attempt waits for its checkpoint")
            told = True
            time.sleep(POLL_SECONDS)
            attempts = self.attempts.all()
        return attempts

    def _may_follow(self, last: Told) -> bool:
        """Whether another attempt may follow the last one: after a result that can be fetched, none ever does."""
        if state(last) == "running":
            return False
        if state(last) == "done":
            return self.compute.retry and self._is_spoiled(last)
        if state(last) == "failed" and not failure(last).startswith(PASSING) and not self.compute.retry:
            raise UserError(
                f"{self.attempts.why_not(last)}\nThe same would fail again: change what is wrong, or try it as it is "
                "with compute.retry=true."
            )
        return True

    def _is_spoiled(self, job: Told) -> bool:
        """Whether an attempt's result cannot be used; one that can is fetched."""
        with self.folder.locked("collect"):
            try:
                self._fetch(job)
            except Spoiled:
                return True
        return False

    def estimates(self) -> list[str]:
        """What the next attempt may cost, a line for each instance type in the order in which they are tried.

        Raises UserError where the cost ceiling lets none of them run.
        """
        seconds, too_dear = self._limits(self.attempts.spent_usd(self.attempts.all()))
        return [*(f"- {self._estimate(kind, limit)}" for kind, limit in seconds.items()), *too_dear]

    def _limits(self, spent_usd: float | None) -> tuple[dict[str, int], list[str]]:
        """How many seconds each instance type may run, and why the others may not. Raises UserError where none may."""
        seconds, reasons = {}, {}
        for kind in self.compute.instance_types:
            try:
                seconds[kind] = limit_seconds(self.compute, kind, spent_usd)
            except UserError as error:
                reasons[kind] = str(error)
        if not seconds:
            raise UserError("\n".join(dict.fromkeys(reasons.values())))
        return seconds, [f"- {kind}: {reason}" for kind, reason in reasons.items()]

    def _send(self, inputs: Inputs) -> dict[str, str]:
        """The S3 prefix of each channel, after what is not there yet was sent."""
        store = Uploads(self.account.client("s3"), str(self.compute.bucket), self.compute.kms_key)
        prepared = store.folder("prepared", prepared_files(inputs.prepared), inputs.prepared)
        channels = {"code": store.code(), "prepared": prepared}
        if inputs.encoder is not None:
            channels["encoder"] = store.folder("encoder", encoder_files(inputs.encoder), inputs.encoder)
        return channels

    def _check_bucket(self) -> None:
        """Raises UserError where the bucket is missing, or in another region: SageMaker reads none of those."""
        with in_words(f"s3://{self.compute.bucket}"):
            found = self.account.client("s3").head_bucket(Bucket=self.compute.bucket).get("BucketRegion")
        region = self.account.session.region_name
        if found not in (None, region):
            raise UserError(
                f"s3://{self.compute.bucket} is in {found}, and the job would run in {region}: set compute.region or "
                "AWS_DEFAULT_REGION."
            )

    def _image(self, device: str) -> str:
        """The training image's address. Raises UserError where the registry does not have it."""
        registry, _, repository = str(self.compute.repository).partition("/")
        tag = image_tag(device)
        with in_words(str(self.compute.repository)):
            try:
                self.account.client("ecr").describe_images(
                    registryId=registry.split(".")[0], repositoryName=repository, imageIds=[{"imageTag": tag}]
                )
            except ClientError as error:
                if code(error) not in ("ImageNotFoundException", "RepositoryNotFoundException"):
                    raise
                raise UserError(
                    f"{self.compute.repository}:{tag} is missing: `make image-train DEVICE={device}` builds it, "
                    f"`docker tag slipway-train:{tag} {self.compute.repository}:{tag}` and `docker push "
                    f"{self.compute.repository}:{tag}` bring it there (docs/train.md says how to log in)."
                ) from error
        return f"{self.compute.repository}:{tag}"

    def _estimate(self, kind: str, seconds: int) -> str:
        """What the job may cost, to be said before it is started."""
        compute = self.compute
        line = f"{compute.instance_count} x {kind}{', spot' if compute.spot else ''}, {seconds / 3600:.1f} h at most"
        pool = 60 * compute.warm_pool_minutes
        if pool:
            line += f" and {compute.warm_pool_minutes} min kept warm"
        hour = cost_usd(compute, kind, 3600)
        if hour is None:
            return f"{line}; its price is not known"
        return f"{line}: ${hour:.2f} an hour on demand, ${hour * (seconds + pool) / 3600:.2f} at most"
