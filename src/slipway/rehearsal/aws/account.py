"""An AWS account on this machine: moto's server on loopback, SageMaker jobs that really train, and faults on demand.

    with EmulatedAws() as aws:
        subprocess.run(["slipway", "submit"], env=aws.environment)

What runs against it is the product's own boto3 code; nothing of AWS can be reached from `aws.environment`.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any, Self

import boto3
from moto.moto_api._internal.models import moto_api_backend

from slipway.rehearsal.aws.call import ACCOUNT, AwsError, Call, session
from slipway.rehearsal.aws.deploying.alarms import Alarms
from slipway.rehearsal.aws.deploying.codedeploy import CodeDeploy
from slipway.rehearsal.aws.deploying.releases import Releases
from slipway.rehearsal.aws.events import Events
from slipway.rehearsal.aws.faults import Faults
from slipway.rehearsal.aws.front import AWS_ITSELF, Server
from slipway.rehearsal.aws.gaps import close_gaps, own_objects
from slipway.rehearsal.aws.identity.roles import ALL, trust_of
from slipway.rehearsal.aws.identity.trust import may_take
from slipway.rehearsal.aws.quotas import Quotas
from slipway.rehearsal.aws.serving.address import Addresses
from slipway.rehearsal.aws.serving.functions import Answer, Functions
from slipway.rehearsal.aws.serving.log import FunctionLog
from slipway.rehearsal.aws.serving.registry import Registry
from slipway.rehearsal.aws.training.jobs import TrainingJob
from slipway.rehearsal.aws.training.sagemaker import SageMaker
from slipway.rehearsal.aws.training.worker import Worker, environment
from slipway.rehearsal.place import Place
from slipway.rehearsal.sweep import sweep

ROOT = Path(__file__).resolve().parents[4]
YOURS = "ASIAREHEARSAL0000000"
SECONDS = 60.0
OPEN = Lock()  # held by the one account of a process
TAKING = Lock()  # so are access keys
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
        self._clients: dict[tuple[str, str, str | None], Any] = {}
        self.roles: dict[str, str] = {}  # by access key
        self.before: Callable[[Call], None] = lambda call: None
        self.after: Callable[[Call], None] = lambda call: None
        self.events = Events(self.client, seed)
        self.sagemaker = SageMaker(self.faults, self.client, self._worker, self._tell)
        self.registry, self.alarms, self.codedeploy, self.quotas = Registry(), Alarms(), CodeDeploy(), Quotas()
        self.functions = Functions(self.registry, lambda role: self._take(role, "ASIA"), FunctionLog(self.client), seed)
        self.addresses = Addresses(self.functions, self.roles)
        self.releases = Releases(self.codedeploy, self.client)

    def __enter__(self) -> Self:
        if not OPEN.acquire(blocking=False):
            raise RuntimeError("there is an emulated account in this process already: moto knows one")
        moto_api_backend.reset()
        close_gaps()
        with ExitStack() as stack:
            stack.callback(OPEN.release)
            self._place = Place()
            stack.callback(self._leave)
            self.resume()
            stack.callback(self._stop)
            trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
            iam = self.client("iam")
            role = iam.create_role(
                RoleName="train", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            )
            iam.put_role_policy(RoleName="train", PolicyName="all", PolicyDocument=json.dumps(ALL))
            self.role: str = role["Role"]["Arn"]
            stack.callback(self._end_jobs)
            stack.callback(self.releases.close)
            self._stack = stack.pop_all()
        return self

    def pause(self) -> None:
        """Leave no thread, process or server, so that this process can be forked; what the account has stays.

        Raises RuntimeError while a job or a deployment is under way.
        """
        with self.sagemaker.changed:
            jobs = [job.name for job in self.sagemaker.jobs.values() if not job.over]
        if under_way := jobs + list(self.releases.running):
            raise RuntimeError(f"{', '.join(under_way)} must end first")
        self._stop()
        for worker in self.sagemaker.workers.values():
            for thread in (worker, *worker.timers):
                thread.join(SECONDS)

    def resume(self) -> None:
        """Serve what the account has, at a new address; in a process that was forked it is its own from now on."""
        if self._place.owner != os.getpid():
            self._place = self._place.again("registry", "functions")
            own_objects()
        self.folder = self._place.folder
        self.registry.folder = self.folder / "registry"
        self._server = Server(self)
        self._serves, self.url = True, self._server.url
        self.functions.open(self.folder / "functions", self.url)
        self.registry.url = self.url
        self.events.open()
        empty = self.folder / "config"  # DVC takes no device for a file
        empty.touch()
        self.environment = environment(self.url, self.region, YOURS) | {"HOME": str(self.folder)}
        self.addresses.open(self.url)
        self.addresses.secrets[YOURS] = self.environment["AWS_SECRET_ACCESS_KEY"]
        self.environment |= {"AWS_CONFIG_FILE": str(empty), "AWS_SHARED_CREDENTIALS_FILE": str(empty)}

    def _stop(self) -> None:
        """End the server, and all threads and processes that answer."""
        if not self._serves:
            return
        self._serves = False
        self.events.close()
        self.functions.close()
        self._server.close()
        self._clients.clear()

    def _leave(self) -> None:
        self._place.close()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def as_role(self, name: str) -> dict[str, str]:
        """The environment of a process that has taken a role: what the role's policies do not allow is denied."""
        # a secret of its own: what a workflow masks must be no word that is written elsewhere
        access_key, secret = self._take(name, "ASIA"), token_hex(20)
        self.addresses.secrets[access_key] = secret
        return self.environment | {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret}

    def _take(self, role: str, beginning: str) -> str:
        """An access key of a role."""
        with TAKING:
            access_key = f"{beginning}{len(self.roles):07d}"
            self.roles[access_key] = role
        return access_key

    def assume(self, role_arn: str, claims: Mapping[str, str]) -> dict[str, str]:
        """The environment of a job of GitHub's that takes a role by its token, which has these claims.

        Raises AwsError AccessDenied where the role's trust policy does not let it in.
        """
        policy = trust_of(role_arn)
        if policy is None or not may_take(policy, claims):
            raise AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
        return self.as_role(role_arn.rpartition("/")[2])

    def expire(self, access_key: str) -> None:
        """The credentials of that key are refused from now on."""
        self.faults.expired.add(access_key)

    def ask(self, function: str, event: Any, qualifier: str = "live") -> Answer:
        """A visitor's question to a function, as through its address: by nobody's rights, and not recorded."""
        call = Call("lambda", "Invoke", {"FunctionName": function, "Qualifier": qualifier}, self.region)
        return self.functions.invoke(call, json.dumps(event).encode(), tail=True)

    @property
    def minute(self) -> float:
        """Seconds that a minute of a canary, a hook or an alarm's period lasts."""
        return self.alarms.minute

    @minute.setter
    def minute(self, seconds: float) -> None:
        self.alarms.minute = self.releases.minute = self.events.minute = seconds

    @property
    def github(self) -> str:
        """Where EventBridge's API destinations find GitHub's API."""
        return self.events.github

    @github.setter
    def github(self, url: str) -> None:
        self.events.github = url.rstrip("/")

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
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "tag": tag}).encode()
        digest = f"sha256:{sha256(config).hexdigest()}"
        where = {"repositoryName": repository}
        if not ecr.batch_check_layer_availability(**where, layerDigests=[digest])["layers"]:
            where["uploadId"] = ecr.initiate_layer_upload(**where)["uploadId"]
            ecr.upload_layer_part(**where, partFirstByte=0, partLastByte=len(config) - 1, layerPartBlob=config)
            ecr.complete_layer_upload(**where, layerDigests=[digest])
        kind = "application/vnd.docker.container.image.v1+json"
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": kind, "size": len(config), "digest": digest},
            "layers": [],
        }
        ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
        return f"{ACCOUNT}.dkr.ecr.{self.region}.amazonaws.com/{repository}:{tag}"

    def client(self, service: str, region: str | None = None, role: str | None = None) -> Any:
        """A client of AWS itself, in a role or with all rights: what it asks is not recorded, and meets no fault."""
        key = service, region or self.region, role
        with MAKING:
            if key not in self._clients:
                access_key = self._take(role, AWS_ITSELF) if role else AWS_ITSELF
                keys = {"aws_access_key_id": access_key, "aws_secret_access_key": "rehearsal"}
                self._clients[key] = own_session().client(service, key[1], endpoint_url=self.url, **keys)
            return self._clients[key]

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

    def _tell(self, job: TrainingJob) -> None:
        """A job has taken a status: EventBridge hears of it."""
        self.events.publish(job.region, "aws.sagemaker", "SageMaker Training Job State Change", [job.arn], job.event())

    def _end_jobs(self) -> None:
        workers = list(self.sagemaker.workers.values())
        for worker in workers:
            worker.kill()
        sweep(self.folder)
        for worker in workers:
            worker.join(SECONDS)
