"""Which permissions a request asks for, as IAM names them: actions, resources, and what conditions look at.

https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from slipway.rehearsal.aws.call import ACCOUNT, Call
from slipway.rehearsal.aws.identity.policies import Context
from slipway.rehearsal.aws.identity.resources import here, key_named, key_of, resources_of

# the action that an operation of S3 asks for, where it has another name
S3_ACTIONS = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "CopyObject": "PutObject",
    "UploadPart": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
OTHER_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    **{f"budgets:{verb}": "budgets:ModifyBudget" for verb in ("CreateBudget", "DeleteBudget", "UpdateBudget")},
    **{f"budgets:{verb}Notification": "budgets:ModifyBudget" for verb in ("Create", "Delete", "Update")},
    **{f"budgets:{verb}Subscriber": "budgets:ModifyBudget" for verb in ("Create", "Delete", "Update")},
    **{
        f"budgets:{verb}": "budgets:ViewBudget"
        for verb in ("DescribeBudget", "DescribeNotificationsForBudget", "DescribeSubscribersForNotification")
    },
}
# asked by everybody
FREE = {"sts:GetCallerIdentity", "sts:AssumeRoleWithWebIdentity"}
TAGGING = {"firehose": "TagDeliveryStream", "iam": "TagRole", "sagemaker": "AddTags", "sqs": "TagQueue"}
ROLE_FIELDS = {"role", "rolearn", "servicerolearn"}
Body = dict[str, Any]


@dataclass(frozen=True)
class Need:
    """A permission that a request asks for."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


def needs(call: Call) -> list[Need]:
    """All that a request asks for. Raises NotImplementedError for one whose resource is not known here."""
    action = action_of(call)
    if action in FREE:
        return []
    context = context_of(call)
    places = [Need(action, resource, context) for resource in resources_of(call, action)]
    return [*places, *implied(call, action, places[0])]


def action_of(call: Call) -> str:
    """The IAM action of a call."""
    if call.service == "s3":
        return f"s3:{S3_ACTIONS.get(call.action, call.action)}"
    if call.service == "apigateway":
        return f"apigateway:{call.method}"
    name = f"{'cloudwatch' if call.service == 'monitoring' else call.service}:{call.action}"
    return OTHER_ACTIONS.get(name, name)


def context_of(call: Call) -> Context:
    """What conditions look at."""
    found: Context = {f"aws:RequestTag/{name}": value for name, value in tags_of(call.body)}
    if "PermissionsBoundary" in call.body:
        found["iam:PermissionsBoundary"] = call.body["PermissionsBoundary"]
    if call.service == "lambda" and "Principal" in call.body:
        found["lambda:Principal"] = call.body["Principal"]
    if call.service == "lambda" and "AuthType" in call.body:
        found["lambda:FunctionUrlAuthType"] = call.body["AuthType"]
    if call.service == "monitoring" and "Namespace" in call.body:
        found["cloudwatch:namespace"] = call.body["Namespace"]
    if "Prefix" in call.body:
        found["s3:prefix"] = call.body["Prefix"]
    if call.service == "kms" and (key := key_of(call)):
        found |= context_of_key(key)
    return found


def context_of_key(key: Any) -> Context:
    """A key's aliases and tags."""
    tags = kms_backends[ACCOUNT][key.region].tagger.get_tag_dict_for_resource(key.id)
    return {"kms:ResourceAliases": list(key.aliases)} | {f"aws:ResourceTag/{name}": told for name, told in tags.items()}


def tags_of(body: Body) -> Iterator[tuple[str, str]]:
    """The tags that a request gives, in any of the forms that AWS's services have for them."""
    for name, value in body.items():
        if name.lower() in ("tags", "taglist", "resourcetags"):
            pairs = value.items() if isinstance(value, dict) else [tag_of(each) for each in value]
            yield from pairs
        elif found := re.fullmatch(r"(Tags\.member\.\d+)\.Key", name):
            yield value, body[f"{found[1]}.Value"]


def tag_of(tag: dict[str, str]) -> tuple[str, str]:
    """Name and value of one tag."""
    lower = {name.lower().removeprefix("tag"): value for name, value in tag.items()}
    return lower["key"], lower["value"]


def implied(call: Call, action: str, place: Need) -> Iterator[Need]:
    """What else a request needs: to tag, to hand a role on, and to use what it names."""
    service = action.partition(":")[0]
    if list(tags_of(call.body)) and "Tag" not in call.action and service != "apigateway":
        yield Need(f"{service}:{TAGGING.get(service, 'TagResource')}", place.resource, place.context)
    for role in roles_in(call.body) if service not in ("iam", "sts") else ():
        # https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1784
        told: Context = {} if service == "logs" else {"iam:PassedToService": f"{service}.amazonaws.com"}
        yield Need("iam:PassRole", role, told)
    if service == "s3" and "Key" in call.body:
        yield from of_object(call, action)
    if call.action == "CreateRepository" and (key := call.body.get("encryptionConfiguration", {}).get("kmsKey")):
        for grant in ("CreateGrant", "DescribeKey", "RetireGrant"):
            yield Need(f"kms:{grant}", key, context_of_key(key_named(call, key)))
    if call.action == "CreateDeployment":
        yield from of_deployment(call)
    if call.action == "CreateLogGroup" and "kmsKeyId" in call.body:
        yield Need("logs:AssociateKmsKey", place.resource)
    if call.service == "events" and "Connection" in call.action and not call.action.startswith("Describe"):
        yield from of_connection(call)
    if call.service == "apigateway" and "accessLogSettings" in call.body:
        for verb in ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "ListLogDeliveries"):
            yield Need(f"logs:{verb}", "*")
        for verb in ("DescribeResourcePolicies", "PutResourcePolicy", "DescribeLogGroups"):
            yield Need(f"logs:{verb}", "*")


def roles_in(value: Any, name: str = "") -> Iterator[str]:
    """The roles that a request hands to a service, wherever they stand in it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from roles_in(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from roles_in(each, name)
    elif isinstance(value, str) and name.lower() in ROLE_FIELDS and value.startswith("arn:aws:iam::"):
        yield value


def of_deployment(call: Call) -> Iterator[Need]:
    """Who deploys registers what is deployed, and looks at how.

    https://docs.aws.amazon.com/codedeploy/latest/userguide/auth-and-access-control-permissions-reference.html
    """
    application = here(call, f"application:{call.body['applicationName']}")
    for verb in ("GetApplicationRevision", "RegisterApplicationRevision"):
        yield Need(f"codedeploy:{verb}", application)
    config = call.body.get("deploymentConfigName", "CodeDeployDefault.LambdaCanary10Percent5Minutes")
    yield Need("codedeploy:GetDeploymentConfig", here(call, f"deploymentconfig:{config}"))


def of_object(call: Call, action: str) -> Iterator[Need]:
    """What an object's encryption asks for, where its bucket names a key."""
    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(call.body["Bucket"])
    rule = (bucket.encryption or {}).get("Rule", {}) if bucket else {}
    arn = rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
    verb = {"s3:PutObject": "GenerateDataKey", "s3:GetObject": "Decrypt"}.get(action)
    key = key_named(call, arn or "")
    if verb and key is not None:
        yield Need(f"kms:{verb}", key.arn, context_of_key(key))


def of_connection(call: Call) -> Iterator[Need]:
    """EventBridge keeps a connection's secret in the caller's name.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/using-service-linked-roles-service-action-1.html
    """
    secret = here(call, f"secret:events!connection/{call.body['Name']}/1", "secretsmanager")
    verb = call.action.removesuffix("Connection")
    yield Need(f"secretsmanager:{verb}Secret", secret)
    if verb == "Create":
        role = "apidestinations.events.amazonaws.com/AWSServiceRoleForAmazonEventBridgeApiDestinations"
        service: Context = {"iam:AWSServiceName": "apidestinations.events.amazonaws.com"}
        yield Need("iam:CreateServiceLinkedRole", f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{role}", service)
