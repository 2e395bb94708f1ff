"""An AWS account on this machine: moto's server on loopback, SageMaker jobs that really train, and faults on demand.

    with EmulatedAws() as aws:
        subprocess.run(["slipway", "submit"], env=aws.environment)

What runs against it is the product's own boto3 code; nothing of AWS can be reached from `aws.environment`.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

from slipway.rehearsal.call import ACCOUNT, AwsError, Call, answer, answer_error, read_call, session
from slipway.rehearsal.codedeploy import CodeDeploy
from slipway.rehearsal.faults import Faults
from slipway.rehearsal.gaps import close_gaps
from slipway.rehearsal.jobs import TrainingJob
from slipway.rehearsal.roles import ALL, check
from slipway.rehearsal.sagemaker import SageMaker
from slipway.rehearsal.sweep import sweep
from slipway.rehearsal.worker import Worker, environment

ROOT = Path(__file__).resolve().parents[3]
AWS_ITSELF = "ASIAAWSITSELF"  # begins the access keys of the emulation's own calls: they are not recorded
YOURS = "ASIAREHEARSAL0000000"
SECONDS = 60.0
REDIRECT = (
    "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future "
    "requests to this endpoint."
)
OPEN = Lock()  # held by the one account of a process
MAKING = Lock()  # clients are made one at a time


@cache
def own_session() -> boto3.Session:
    """What the emulation's own clients are made of."""
    return boto3.Session(botocore_session=session())


class EmulatedAws:
    """One empty account, as long as the block lasts; one at a time in a process.

    `train` is the command that a job runs on its folder (the image's own executable where it is None), `grace` the
    seconds between SIGTERM and SIGKILL, `seed` the order in which checkpoints are uploaded. A test may look at each
    request by `before` (an AwsError that it raises is the answer) and `after` (it took effect, and nobody knows yet).
    """

    def __init__(
        self, train: list[str] | None = None, region: str = "us-east-1", grace: float = 120, seed: int = 0
    ) -> None:
        self.train = train or [sys.executable, str(ROOT / "docker" / "train")]
        self.region, self.grace, self.seed = region, grace, seed
        self.faults = Faults(YOURS)
        self.requests: list[Call] = []
        self.roles: dict[str, str] = {}  # by access key
        self.before: Callable[[Call], None] = lambda call: None
        self.after: Callable[[Call], None] = lambda call: None
        self.sagemaker = SageMaker(self.faults, self.client, self._worker)
        self.codedeploy = CodeDeploy()

    def __enter__(self) -> Self:
        if not OPEN.acquire(blocking=False):
            raise RuntimeError("there is an emulated account in this process already: moto knows one")
        moto_api_backend.reset()
        close_gaps()
        with ExitStack() as stack:
            stack.callback(OPEN.release)
            self.folder = Path(tempfile.mkdtemp(prefix="slipway-rehearsal-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            # outlives this process, whatever ends it, by as long as it takes to clear what it left
            sweeper = subprocess.Popen(
                [sys.executable, "-m", "slipway.rehearsal.sweep", str(self.folder)],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
            stack.callback(sweeper.communicate)
            server = make_server("127.0.0.1", 0, Front(self), threaded=True, request_handler=Quiet)
            stack.callback(server.server_close)
            self.url = f"http://127.0.0.1:{server.server_port}"
            serving = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            serving.start()
            stack.callback(serving.join)
            stack.callback(server.shutdown)
            empty = self.folder / "config"  # DVC takes no device for a file
            empty.touch()
            self.environment = environment(self.url, self.region, YOURS) | {"HOME": str(self.folder)}
            self.environment |= {"AWS_CONFIG_FILE": str(empty), "AWS_SHARED_CREDENTIALS_FILE": str(empty)}
            trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
            iam = self.client("iam")
            role = iam.create_role(
                RoleName="train", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            )
            iam.put_role_policy(RoleName="train", PolicyName="all", PolicyDocument=json.dumps(ALL))
            self.role: str = role["Role"]["Arn"]
            stack.callback(self._end_jobs)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # what a test asks for

    def as_role(self, name: str) -> dict[str, str]:
        """The environment of a process that has taken a role: what the role's policies do not allow is denied."""
        return self.environment | {"AWS_ACCESS_KEY_ID": self._take(name, "ASIA")}

    def _take(self, role: str, beginning: str) -> str:
        """An access key of a role."""
        access_key = f"{beginning}{len(self.roles):07d}"
        self.roles[access_key] = role
        return access_key

    def sent(self, service: str, action: str) -> list[dict[str, Any]]:
        """The bodies of the requests for an action, in their order."""
        return [call.body for call in list(self.requests) if (call.service, call.action) == (service, action)]

    def wait(self, name: str, status: str, times: int = 1, seconds: float = SECONDS) -> dict[str, Any]:
        """Block until a job has reached a status or secondary status, so many times; returns its description.

        Raises TimeoutError, at once where the job has ended otherwise.
        """
        return self._wait(name, status, lambda job: job.reached(status) >= times, seconds)

    def wait_line(self, name: str, text: str, times: int = 1, seconds: float = SECONDS) -> dict[str, Any]:
        """Block until a job's log has so many lines with `text`; else as `wait`."""
        return self._wait(name, text, lambda job: sum(text in line for line in job.said) >= times, seconds)

    def _wait(self, name: str, what: str, met: Callable[[TrainingJob], bool], seconds: float) -> dict[str, Any]:
        jobs, key = self.sagemaker.jobs, (self.region, name)
        with self.sagemaker.changed:
            self.sagemaker.changed.wait_for(lambda: key in jobs and (met(jobs[key]) or jobs[key].over), seconds)
            if key not in jobs:
                raise TimeoutError(f"{name} was never created")
            if not met(jobs[key]):
                job = jobs[key]
                raise TimeoutError(
                    "\n".join([f"{name} is {job.secondary}, not {what}: {job.failure}", *job.said[-20:]])
                )
            return jobs[key].describe()

    def push_image(self, repository: str, tag: str) -> str:
        """Put an image without content into the registry; returns its address."""
        ecr = self.client("ecr")
        with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName=repository)
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"digest": f"sha256:{sha256(tag.encode()).hexdigest()}"},
            "layers": [],
        }
        # that of moto is of the layers alone, and there are none
        digest = f"sha256:{sha256(json.dumps(manifest).encode()).hexdigest()}"
        ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag, imageDigest=digest)
        return f"{ACCOUNT}.dkr.ecr.{self.region}.amazonaws.com/{repository}:{tag}"

    @cache  # noqa: B019
    def client(self, service: str, region: str | None = None, role: str | None = None) -> Any:
        """A client of AWS itself, in a role or with all rights: what it asks is not recorded, and meets no fault."""
        access_key = self._take(role, AWS_ITSELF) if role else AWS_ITSELF
        keys = {"aws_access_key_id": access_key, "aws_secret_access_key": "rehearsal"}
        with MAKING:
            return own_session().client(service, region or self.region, endpoint_url=self.url, **keys)

    def interrupt(self, name: str, lose_checkpoint: bool = False) -> None:
        """Take the spot machine of a job away: it starts again from what is on S3 of its checkpoints.

        With `lose_checkpoint` the machine goes before S3 is like its disk: the file written last does not arrive, and
        of all else that was to be uploaded or deleted since now each does by chance.
        """
        if not self.sagemaker.workers[name].job.spot:
            raise ValueError(f"{name} has no spot machine")
        self.sagemaker.workers[name].end("Interrupted", lose_checkpoint)

    def _worker(self, job: TrainingJob) -> Worker:
        region, role = job.region, job.request["RoleArn"].rpartition("/")[2]
        return Worker(
            job,
            self.client("s3", region, role),
            self.client("logs", region, role),
            self.train,
            self.folder / region / job.name,
            environment(self.url, region, self._take(role, AWS_ITSELF)),
            self.grace,
            job.request["ResourceConfig"].get("InstanceType") not in self.faults.no_capacity,
            self.seed,
        )

    def _end_jobs(self) -> None:
        workers = list(self.sagemaker.workers.values())
        for worker in workers:
            worker.kill()
        sweep(self.folder)
        for worker in workers:
            worker.join(SECONDS)


class Front:
    """What a request meets first: it is recorded, refused where a fault is set, and answered here or by moto."""

    def __init__(self, aws: EmulatedAws) -> None:
        self.aws, self.moto = aws, DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        aws, length = self.aws, int(environ.get("CONTENT_LENGTH") or 0)
        payload = environ["wsgi.input"].read(length) if length else b""
        if length:
            environ["wsgi.input"] = BytesIO(payload)
        call = read_call(environ, payload)
        if call.access_key.startswith(AWS_ITSELF):
            return self._answer(call, environ, start_response)
        aws.requests.append(call)
        started: list[Any] = []
        try:
            aws.before(call)
            aws.faults.check(call)
            # the answer begins when it is sure that there is one
            result = self._answer(call, environ, lambda *words: started.append(words))  # type: ignore[arg-type]
            aws.faults.lose(call)
        except AwsError as error:
            return answer_error(error, call, start_response)
        finally:
            aws.after(call)
        start_response(*started[-1])
        return result

    def _answer(self, call: Call, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What AWS answers where no fault is set."""
        try:
            if call.access_key in self.aws.roles:
                check(call, self.aws.roles[call.access_key])
            if call.service == "s3":
                self._check_bucket(call)
            for service in (self.aws.sagemaker, self.aws.codedeploy):
                if service.knows(call):
                    return answer(service.answer(call), start_response)
            return self.moto(environ, start_response)  # type: ignore[no-any-return]  # moto is not followed
        except AwsError as error:
            return answer_error(error, call, start_response)
        except Exception:
            # not 500, which boto3 tries again and again
            return answer_error(AwsError("EmulationError", traceback.format_exc()), call, start_response)

    def _check_bucket(self, call: Call) -> None:
        """A bucket answers its own account alone, in its own region."""
        name = call.body.get("Bucket", "")
        if s3_backends.bucket_accounts.get(name, ("aws", ACCOUNT))[1] != ACCOUNT and call.action != "CreateBucket":
            raise AwsError("AccessDenied", "Access Denied", 403)
        bucket = s3_backends[ACCOUNT]["aws"].buckets.get(name)
        if bucket is not None and bucket.region_name != call.region and call.action != "GetBucketLocation":
            raise AwsError("PermanentRedirect", REDIRECT, 301, x_amz_bucket_region=bucket.region_name)


class Quiet(MotoRequestHandler):  # type: ignore[misc]  # moto is not followed
    """Says nothing of each request."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""
