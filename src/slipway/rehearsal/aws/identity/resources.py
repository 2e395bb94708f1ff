"""Which of AWS's resources a request is about, as ARNs.

https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import re
from collections.abc import Callable
from typing import Any

from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from slipway.rehearsal.aws.call import ACCOUNT, Call

# actions that know no resource
EVERYWHERE = {
    "cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
    "codedeploy:PutLifecycleEventHookExecutionStatus",
    "codedeploy:StopDeployment",
    "ecr:GetAuthorizationToken",
    "iam:ListOpenIDConnectProviders",
    "iam:ListRoles",
    "kms:CreateKey",
    "kms:ListAliases",
    "logs:DescribeLogGroups",
    "s3:ListAllMyBuckets",
    "sagemaker:ListTrainingJobs",
    "sns:GetSubscriptionAttributes",
    "sns:Unsubscribe",
}


def resources_of(call: Call, action: str) -> list[str]:
    """The ARNs that a call is about: `*` where its action knows none."""
    if action in EVERYWHERE:
        return ["*"]
    told = next((call.body[name] for name in ("ResourceArn", "ResourceARN", "resourceArn") if name in call.body), None)
    if told:
        return [told]
    if call.service not in RESOURCES:
        raise NotImplementedError(f"the resources of {call.service}:{call.action}")
    found = RESOURCES[call.service](call)
    if not found:
        raise NotImplementedError(f"the resource of {call.service}:{call.action}: {sorted(call.body)}")
    return found


def here(call: Call, name: str, service: str = "") -> str:
    """An ARN in the call's region."""
    return f"arn:aws:{service or call.service}:{call.region}:{ACCOUNT}:{name}"


def named(*places: tuple[str, str]) -> Callable[[Call], list[str]]:
    """Finds the ARN by the first of some fields that the call's body has: a field, and the form of the ARN's end."""

    def find(call: Call) -> list[str]:
        for name, form in places:
            if value := call.body.get(name):
                value = value[0] if isinstance(value, list) else value
                return [value if value.startswith("arn:") else here(call, form.format(value))]
        return []

    return find


def of_s3(call: Call) -> list[str]:
    """A bucket, or an object in it."""
    return ["arn:aws:s3:::" + "/".join(call.body[name] for name in ("Bucket", "Key") if name in call.body)]


def of_iam(call: Call) -> list[str]:
    """A role or policy with its path, or the provider of GitHub's identities."""
    told = call.body
    for key in ("PolicyArn", "OpenIDConnectProviderArn"):
        if key in told:
            return [told[key]]
    place, path = f"arn:aws:iam::{ACCOUNT}:", told.get("Path", "/")
    if "RoleName" in told:
        roles = {role.name: role.arn for role in list(iam_backends[ACCOUNT]["aws"].roles.values())}
        return [roles.get(told["RoleName"], f"{place}role{path}{told['RoleName']}")]
    if "PolicyName" in told:
        return [f"{place}policy{path}{told['PolicyName']}"]
    return [f"{place}oidc-provider/{told['Url'].removeprefix('https://')}"] if "Url" in told else []


def of_kms(call: Call) -> list[str]:
    """A key, and the alias that is given or taken."""
    keys = [key_of(call).arn] if key_of(call) else []
    return [*keys, *([here(call, call.body["AliasName"])] if "AliasName" in call.body else [])]


def of_logs(call: Call) -> list[str]:
    """A log group, in the form of AWS's own denials: with the stream's name, where there is one."""
    stream = call.body.get("logStreamName", "")
    return [here(call, f"log-group:{call.body['logGroupName']}:log-stream:{stream}")]


def of_lambda(call: Call) -> list[str]:
    """A function, with the version or alias that is asked for."""
    name = call.body.get("FunctionName") or call.body["Resource"]
    name = name if name.startswith("arn:") else here(call, f"function:{name}")
    return [f"{name}:{call.body['Qualifier']}" if call.body.get("Qualifier") else name]


def of_cloudwatch(call: Call) -> list[str]:
    """Alarms (a description of some asks for all), or a dashboard, which is of no region."""
    for name in ("DashboardName", "DashboardNames.member.1", "DashboardNames"):
        if name in call.body:
            [*_, told] = [call.body[name]] if isinstance(call.body[name], str) else call.body[name]
            return [f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{told}"]
    if call.action == "DescribeAlarms":
        return [here(call, "alarm:*", "cloudwatch")]
    found = [value for name, value in call.body.items() if re.fullmatch(r"AlarmName(s\.member\.\d+)?", name)]
    return [here(call, f"alarm:{name}", "cloudwatch") for name in [*found, *call.body.get("AlarmNames", [])]]


def of_events(call: Call) -> list[str]:
    """A rule, a connection, or an API destination."""
    kind = next((kind for word, kind in EVENTS.items() if word in call.action), "rule")
    return [here(call, f"{kind}/{call.body.get('Rule') or call.body.get('Name')}")]


def of_codedeploy(call: Call) -> list[str]:
    """An application, or a group of it."""
    application = call.body["applicationName"]
    for name in ("deploymentGroupName", "currentDeploymentGroupName"):
        if name in call.body:
            return [here(call, f"deploymentgroup:{application}/{call.body[name]}")]
    return [here(call, f"application:{application}")]


def of_queue(call: Call) -> list[str]:
    """A queue, by its name or its address."""
    return [here(call, call.body.get("QueueName") or call.body["QueueUrl"].rpartition("/")[2])]


def key_of(call: Call) -> Any:
    """The key that a call of KMS is about; None where it is about none."""
    return key_named(call, call.body.get("KeyId") or call.body.get("TargetKeyId") or call.body.get("AliasName") or "")


def key_named(call: Call, name: str) -> Any:
    """The key of an identity, ARN or alias in the call's region; None where there is none."""
    backend = kms_backends[ACCOUNT][call.region]
    identity = backend.get_key_id_from_alias(name) if name.startswith("alias/") else name.rpartition("/")[2]
    return backend.keys.get(identity)


def of_ecr(call: Call) -> list[str]:
    """A repository, or all of them where none is named."""
    name = call.body.get("repositoryName") or next(iter(call.body.get("repositoryNames") or ["*"]))
    return [here(call, f"repository/{name}")]


def of_budget(call: Call) -> list[str]:
    """A budget, which is of no region."""
    told = call.body.get("Budget") or call.body.get("NewBudget") or call.body
    return [f"arn:aws:budgets::{ACCOUNT}:budget/{told['BudgetName']}"]


EVENTS = {"ApiDestination": "api-destination", "Connection": "connection"}
RESOURCES: dict[str, Callable[[Call], list[str]]] = {
    "apigateway": lambda call: [f"arn:aws:apigateway:{call.region}::{call.path.removeprefix('/v2')}"],
    "budgets": of_budget,
    "codedeploy": of_codedeploy,
    "ecr": of_ecr,
    "events": of_events,
    "firehose": named(("DeliveryStreamName", "deliverystream/{}")),
    "iam": of_iam,
    "kms": of_kms,
    "lambda": of_lambda,
    "logs": of_logs,
    "monitoring": of_cloudwatch,
    "s3": of_s3,
    "sagemaker": named(("TrainingJobName", "training-job/{}")),
    "sns": named(("TopicArn", ""), ("Name", "{}")),
    "sqs": of_queue,
}
