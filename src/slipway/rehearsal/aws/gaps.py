"""Where moto does otherwise than AWS, or nothing, mended in this process."""

import json
import os
import tempfile
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import ImageConfig, LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.budgets.responses import BudgetsResponse
from moto.ecr.models import ecr_backends
from moto.iam.access_control import IAMPolicy
from moto.s3.models import FakeBucket, FakeDeleteMarker, s3_backends

from slipway.rehearsal.aws.call import ACCOUNT
from slipway.rehearsal.aws.identity.policies import Context, effects, many

moto_configuration = LambdaFunction.get_configuration
moto_code = LambdaFunction.get_code
moto_set_code = LambdaFunction._set_function_code
moto_update = LambdaFunction.update_configuration
moto_publish = LambdaResponse.publish_version
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
PULLS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def close_gaps() -> None:
    """Mend moto."""
    LambdaFunction.get_configuration = configuration_of
    LambdaFunction.get_code = code_of
    LambdaFunction._set_function_code = set_code
    LambdaFunction.update_configuration = update_configuration
    LambdaResponse.publish_version = publish_version
    FakeBucket.get_permission = permission_of
    FakeDeleteMarker.dispose = lambda marker: None
    BudgetsResponse.create_budget = create_budget
    BudgetsResponse.describe_subscribers_for_notification = subscribers_of
    BudgetsResponse.list_tags_for_resource = tags_of_budget
    BudgetsResponse.tag_resource = tag_budget


def configuration_of(function: Any, *words: Any, **more: Any) -> dict[str, Any]:
    """A function's configuration, without the image's settings where it has none."""
    found: dict[str, Any] = moto_configuration(function, *words, **more)
    told = found.get("ImageConfigResponse", {}).get("ImageConfig", {})
    if not any(told.values()):
        found.pop("ImageConfigResponse", None)
    return found


def code_of(function: Any) -> dict[str, Any]:
    """Where a function's code is: an image by the digest that it had."""
    found: dict[str, Any] = moto_code(function)
    if "ImageUri" in function.code:
        repository = repository_of(function.code["ImageUri"])
        found["Code"]["ResolvedImageUri"] = f"{repository}@sha256:{function.code_sha_256}"
    return found


def update_configuration(function: Any, told: dict[str, Any]) -> dict[str, Any]:
    """Change a function's configuration, also what it makes of its image."""
    if "ImageConfig" in told:
        function.image_config = ImageConfig(told["ImageConfig"])
    return moto_update(function, told)  # type: ignore[no-any-return]


def set_code(function: Any, told: dict[str, Any]) -> None:
    """Give a function its code: an image that the registry has, and lets Lambda pull. Raises moto's errors."""
    if "ImageUri" not in told:
        return moto_set_code(function, told)  # type: ignore[no-any-return]
    if told.get("DryRun"):
        return None
    address = told["ImageUri"]
    host, _, name = repository_of(address).partition("/")
    wanted = address.partition("@")[2] or address.rpartition("/")[2].partition(":")[2] or "latest"
    repository = ecr_backends[ACCOUNT][function.region].repositories.get(name)
    images = repository.images if repository and host == f"{ACCOUNT}.dkr.ecr.{function.region}.amazonaws.com" else []
    image = next((each for each in images if wanted in (each.get_image_digest(), *each.image_tags)), None)
    if image is None:
        raise InvalidParameterValueException(f"Source image {address} does not exist. Provide a valid source image.")
    if not lets_lambda_pull(repository.policy, function):
        why = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
        raise LambdaClientError("AccessDeniedException", why)
    if image.image_manifest_media_type in INDEXES:
        why = f"The image manifest, config or layer media type for the source image {address} is not supported."
        raise InvalidParameterValueException(why)
    function.code_sha_256, function.code_size = image.get_image_digest().removeprefix("sha256:"), 0
    # what was published keeps its own
    function.code = {**function.code, "ImageUri": address}
    return None


def publish_version(response: Any) -> Any:
    """A new version, of the code alone whose hash is told. Raises moto's error where the function has another."""
    told, name = response._get_param("CodeSha256"), unquote(response.path.split("/")[-2])
    there = response.backend.get_function(name).code_sha_256
    if told and told != there:
        why = f"CodeSHA256 ({told}) is different from current CodeSHA256 in $LATEST ({there}). Please try again with "
        raise InvalidParameterValueException(f"{why}the CodeSHA256 in $LATEST.")
    return moto_publish(response)


def lets_lambda_pull(policy: str | None, function: Any) -> bool:
    """Whether a repository's policy lets Lambda pull for a function; where it has none, Lambda makes one."""
    if policy is None:
        return True
    arn = f"arn:aws:lambda:{function.region}:{ACCOUNT}:function:{function.function_name}"
    statements = [
        each | {"Resource": "*"}
        for each in many(json.loads(policy)["Statement"])
        if each["Principal"] == "*" or "lambda.amazonaws.com" in many(each["Principal"].get("Service", []))
    ]
    told: Context = {"aws:SourceArn": arn, "aws:sourceArn": arn, "aws:SourceAccount": ACCOUNT}
    return all(effects([{"Statement": statements}], verb, "*", told) == {"Allow"} for verb in PULLS)


def repository_of(address: str) -> str:
    """An image's address without its tag or digest."""
    host, _, rest = address.partition("@")[0].partition("/")
    return f"{host}/{rest.partition(':')[0]}"


def permission_of(bucket: Any, action: str, resource: str) -> Any:
    """What a bucket's policy says of an action.

    moto takes a condition that it does not know to deny. Those of this project deny what has no TLS, or allow what an
    AWS service does by itself: neither is a request that comes here.
    """
    policy = json.loads(bucket.policy or b'{"Statement": []}')
    policy["Statement"] = [each for each in policy["Statement"] if "Condition" not in each]
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


def own_objects() -> None:
    """Read what lies in files into files of this process's own.

    A forked process shares the place at which a file is read with the one that it came from.
    """
    for bucket in s3_backends[ACCOUNT]["aws"].buckets.values():
        keys = [key for versions in dict.values(bucket.keys) for key in versions]
        keys += [part for upload in bucket.multiparts.values() for part in upload.parts.values()]
        for key in keys:
            shared = getattr(key, "_value_buffer", None)
            if shared is None or shared.closed or not shared._rolled:
                continue
            own = tempfile.SpooledTemporaryFile(key._max_buffer_size)  # noqa: SIM115
            own.write(os.pread(shared.fileno(), os.fstat(shared.fileno()).st_size, 0))
            key._value_buffer = own


def subscribers_of(request: Any) -> str:
    """Who hears of one of a budget's notifications."""
    budget = request.backend.budgets[request._get_param("AccountId")][request._get_param("BudgetName")]
    wanted = request._get_param("Notification")
    found = [each.subscribers for each in budget.notifications if each.details.items() >= wanted.items()]
    return json.dumps({"Subscribers": found[0] if found else []})


def create_budget(request: Any) -> str:
    """Make a budget, with its tags."""
    account, budget = request._get_param("AccountId"), request._get_param("Budget")
    request.backend.create_budget(account, budget, request._get_param("NotificationsWithSubscribers", []))
    _tags(request)[f"arn:aws:budgets::{account}:budget/{budget['BudgetName']}"] = request._get_param("ResourceTags", [])
    return "{}"


def tags_of_budget(request: Any) -> str:
    """The tags of a budget."""
    return json.dumps({"ResourceTags": _tags(request).get(request._get_param("ResourceARN"), [])})


def tag_budget(request: Any) -> str:
    """Give a budget tags."""
    _tags(request)[request._get_param("ResourceARN")] = request._get_param("ResourceTags")
    return "{}"


def _tags(request: Any) -> dict[str, list[dict[str, str]]]:
    backend = request.backend
    if not hasattr(backend, "tags_of"):
        backend.tags_of = {}
    return backend.tags_of  # type: ignore[no-any-return]
