"""Where moto does otherwise than AWS, or nothing, mended in this process."""

import json
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.budgets.responses import BudgetsResponse
from moto.iam.access_control import IAMPolicy
from moto.s3.models import FakeBucket, FakeDeleteMarker

moto_configuration = LambdaFunction.get_configuration


def close_gaps() -> None:
    """Mend moto."""
    LambdaFunction.get_configuration = configuration_of
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


def permission_of(bucket: Any, action: str, resource: str) -> Any:
    """What a bucket's policy says of an action.

    moto takes a condition that it does not know to deny. Those of this project deny what has no TLS, or allow what an
    AWS service does by itself: neither is a request that comes here.
    """
    policy = json.loads(bucket.policy or b'{"Statement": []}')
    policy["Statement"] = [each for each in policy["Statement"] if "Condition" not in each]
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


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
