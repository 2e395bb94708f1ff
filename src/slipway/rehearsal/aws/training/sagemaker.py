"""SageMaker's actions on training jobs, and what it refuses before it accepts one."""

import re
from collections.abc import Callable, Iterator
from threading import Condition
from typing import Any

from botocore.exceptions import ClientError

from slipway.rehearsal.aws.call import ACCOUNT, AwsError, Call, session
from slipway.rehearsal.aws.faults import Faults
from slipway.rehearsal.aws.training.jobs import TrainingJob
from slipway.rehearsal.aws.training.worker import Worker

ECR_IMAGE = re.compile(
    r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?::([^@]+))?(?:@(sha256:\w+))?"
)

NAME_TAKEN = (
    "Training job names must be unique within an AWS account and region, and a training job with this name already "
    "exists ({arn})"
)
WAIT_TOO_SHORT = "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
WAIT_WITHOUT_SPOT = "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
ROLE_MISSING = (
    "Could not assume role {role}. Please ensure that the role exists and allows principal "
    "'sagemaker.amazonaws.com' to assume the role."
)
IMAGE_INVALID = (
    "Invalid training image. Please provide a valid Amazon Elastic Container Registry path of the Docker image to run."
)
PULL = (
    " exists and role {role} has proper pull permissions for SageMaker: ecr:BatchCheckLayerAvailability, "
    "ecr:BatchGetImage, ecr:GetDownloadUrlForLayer"
)
REPOSITORY_MISSING = (
    "Cannot find repository: {repository} in registry ID: {account} Please check if your ECR repository" + PULL
)
IMAGE_MISSING = (
    "Cannot find the requested image: {image} with tag: {tag} and digest: {digest}. Please check if your ECR image"
    + PULL
)
INPUT_MISSING = (
    'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
    'the selected region ({region}), that objects exist under that S3 prefix, and that the role "{role}" has '
    '"s3:ListBucket" permissions on bucket "{bucket}".'
)
USE_IT = "Please use this region to retry the request"


class SageMaker:
    """The training jobs of one account; `client` gives a client of a service, `start` a worker of a job.

    `heard` is told of each status that a job takes.
    """

    def __init__(
        self,
        faults: Faults,
        client: Callable[..., Any],
        start: Callable[[TrainingJob], Worker],
        heard: Callable[[TrainingJob], None],
    ) -> None:
        self.faults, self.client, self.start, self.heard = faults, client, start, heard
        self.changed = Condition()
        self.jobs: dict[tuple[str, str], TrainingJob] = {}
        self.workers: dict[str, Worker] = {}
        self.model = session().get_service_model("sagemaker")
        self.actions: dict[str, Callable[[Call], dict[str, Any]]] = {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "ListTrainingJobs": self.list,
            "StopTrainingJob": self.stop,
            "DeleteTrainingJob": self.delete,
            "AddTags": self.add_tags,
            "ListTags": self.list_tags,
        }

    def knows(self, call: Call) -> bool:
        """Whether the call is about training jobs."""
        about = call.body.get("ResourceArn", ":training-job/")
        return call.service == "sagemaker" and call.action in self.actions and ":training-job/" in about

    def answer(self, call: Call) -> dict[str, Any]:
        """The result of a call; raises AwsError."""
        validate(call.body, self.model.operation_model(call.action).input_shape)
        return self.actions[call.action](call)

    def create(self, call: Call) -> dict[str, Any]:
        """CreateTrainingJob."""
        request = call.body
        name, resources = request["TrainingJobName"], request["ResourceConfig"]
        self._must_be_free(call.region, name)
        self._check(request, call.region)
        if error := self.faults.refused.get(resources.get("InstanceType", "")):
            raise error
        with self.changed:
            self._must_be_free(call.region, name)  # of two at once, one is first
            job = self.jobs[call.region, name] = TrainingJob(request, call.region, self.changed, self.heard)
            self.workers[name] = self.start(job)
            self.workers[name].start()
        return {"TrainingJobArn": job.arn}

    def _must_be_free(self, region: str, name: str) -> None:
        with self.changed:
            if (region, name) in self.jobs:
                raise AwsError("ResourceInUse", NAME_TAKEN.format(arn=self.jobs[region, name].arn))

    def describe(self, call: Call) -> dict[str, Any]:
        """DescribeTrainingJob."""
        with self.changed:
            return self._job(call).describe()

    def list(self, call: Call) -> dict[str, Any]:
        """ListTrainingJobs: by time, the newest first, a page at a time."""
        asked = call.body
        with self.changed:
            found = [
                job.summary()
                for (region, name), job in self.jobs.items()
                if region == call.region
                and asked.get("NameContains", "") in name
                and asked.get("StatusEquals", job.status) == job.status
                and asked.get("CreationTimeAfter", 0) < job.created
            ]
        found.sort(key=lambda job: job["CreationTime"], reverse=asked.get("SortOrder", "Descending") == "Descending")
        first, size = int(asked.get("NextToken", 0)), asked.get("MaxResults", 10)
        more = {"NextToken": str(first + size)} if first + size < len(found) else {}
        return {"TrainingJobSummaries": found[first : first + size]} | more

    def stop(self, call: Call) -> dict[str, Any]:
        """StopTrainingJob."""
        with self.changed:
            job = self._job(call)
            if job.over:
                raise invalid(f"The request was rejected because the training job is in status {job.status}.")
            self.workers[job.name].end("Stopped")
        return {}

    def delete(self, call: Call) -> dict[str, Any]:
        """DeleteTrainingJob: its name may be used again."""
        with self.changed:
            job = self._job(call)
            if not job.over:
                raise invalid(f"The request was rejected because the training job is in status {job.status}.")
            del self.jobs[call.region, job.name]
        return {}

    def add_tags(self, call: Call) -> dict[str, Any]:
        """AddTags, of a training job."""
        with self.changed:
            job = self._tagged(call)
            fresh = {tag["Key"]: tag for tag in [*job.tags, *call.body["Tags"]]}
            job.tags = [*fresh.values()]
            return {"Tags": job.tags}

    def list_tags(self, call: Call) -> dict[str, Any]:
        """ListTags, of a training job."""
        with self.changed:
            return {"Tags": self._tagged(call).tags}

    def _job(self, call: Call) -> TrainingJob:
        try:
            return self.jobs[call.region, call.body["TrainingJobName"]]
        except KeyError:
            raise invalid("Requested resource not found.") from None

    def _tagged(self, call: Call) -> TrainingJob:
        arn = call.body["ResourceArn"]
        for job in self.jobs.values():
            if job.arn == arn:
                return job
        raise invalid(f"Could not find resource {arn}")

    def _check(self, request: dict[str, Any], region: str) -> None:
        """Raise the AwsError that a request meets before it becomes a job."""
        limits, spot, role = request["StoppingCondition"], request.get("EnableManagedSpotTraining"), request["RoleArn"]
        longest = limits.get("MaxWaitTimeInSeconds")
        if spot and (longest is None or longest < limits.get("MaxRuntimeInSeconds", 86400)):
            raise invalid(WAIT_TOO_SHORT)
        if longest is not None and not spot:
            raise invalid(WAIT_WITHOUT_SPOT)
        if spot and request["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
            raise invalid("KeepAlivePeriodInSeconds is not supported with Managed Spot Training.")
        try:
            self.client("iam").get_role(RoleName=role.rpartition("/")[2])
        except ClientError:
            raise invalid(ROLE_MISSING.format(role=role)) from None
        self._check_image(request["AlgorithmSpecification"].get("TrainingImage", ""), role, region)
        for channel in request.get("InputDataConfig", []):
            self._check_input(channel["DataSource"]["S3DataSource"]["S3Uri"], role, region)

    def _check_image(self, image: str, role: str, region: str) -> None:
        parts = ECR_IMAGE.fullmatch(image)
        if parts is None:
            raise invalid(IMAGE_INVALID)
        account, place, repository, tag, digest = parts.groups()
        if account != ACCOUNT:
            return  # one of AWS's own
        wanted = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
        missing = IMAGE_MISSING.format(image=image, tag=tag or "null", digest=digest or "null", role=role)
        try:
            self.client("ecr", region).describe_images(repositoryName=repository, imageIds=[wanted])
        except ClientError as error:
            if error.response["Error"]["Code"] == "RepositoryNotFoundException":
                missing = REPOSITORY_MISSING.format(repository=repository, account=account, role=role)
            raise invalid(missing) from None
        if place != region:
            raise invalid(missing)

    def _check_input(self, uri: str, role: str, region: str) -> None:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        s3, why = self.client("s3", region), ""
        try:
            place = s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] or "us-east-1"
            if place != region:
                why = f" Error message from S3: The bucket is in this region: {place}. {USE_IT}"
            elif s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)["KeyCount"]:
                return
        except ClientError as error:
            why = f" Error message from S3: {error.response['Error']['Message']}"
        raise invalid(INPUT_MISSING.format(uri=uri, region=region, role=role, bucket=bucket) + why)


def invalid(message: str) -> AwsError:
    """What SageMaker answers to nearly all that is wrong with a request."""
    return AwsError("ValidationException", message)


def validate(value: Any, shape: Any) -> None:
    """Raise the ValidationException of a value that breaks what the service's own description says of it."""
    broken = [*_broken(value, shape, "")]
    if broken:
        count = f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected: "
        raise invalid(count + "; ".join(broken))


def _broken(value: Any, shape: Any, path: str) -> Iterator[str]:
    says = shape.metadata
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _broken(value[name], member, f"{path}.{name[0].lower()}{name[1:]}".lstrip("."))
    elif shape.type_name == "list":
        for number, item in enumerate(value, 1):
            yield from _broken(item, shape.member, f"{path}.{number}.member")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _broken(key, shape.key, path)
            yield from _broken(item, shape.value, f"{path}.{key}.member")
    constraint = ""
    if shape.type_name == "string":
        if "pattern" in says and not _matches(says["pattern"], value):
            constraint = f"satisfy regular expression pattern: {says['pattern']}"
        if "enum" in says and value not in says["enum"]:
            constraint = f"satisfy enum value set: [{', '.join(says['enum'])}]"
    size = value if shape.type_name in ("integer", "long") else len(value) if hasattr(value, "__len__") else 0
    unit = "value" if shape.type_name in ("integer", "long") else "length"
    if shape.type_name in ("string", "list", "map", "integer", "long"):
        if "max" in says and size > says["max"]:
            constraint = f"have {unit} less than or equal to {says['max']}"
        if "min" in says and size < says["min"]:
            constraint = f"have {unit} greater than or equal to {says['min']}"
    if constraint:
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {constraint}"


def _matches(pattern: str, value: str) -> bool:
    # the classes of Java's patterns that Python lacks
    pattern = pattern.replace(r"\p{L}\p{Z}\p{N}", r"\w\s").replace(r"\p{L}\p{N}", r"\w")
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return True
