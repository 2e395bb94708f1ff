"""Who may do what: what each of GitHub's roles, and each role of a service, is allowed and denied."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.rehearsal.aws.identity.policies import Context, allowed, many

pytestmark = pytest.mark.slow
# what the tests of training see asked, and let nothing be asked besides
ASKED = Path(__file__).resolve().parents[1] / "compute" / "sagemaker" / "actions.json"
HERE = "us-east-1:123456789012"
IAM = "arn:aws:iam::123456789012"
EXECUTION = f"{IAM}:role/slipway/execution/slipway"
GITHUB = f"{IAM}:role/slipway/github/slipway"
BOUNDARY = f"{IAM}:policy/slipway/slipway-github-boundary"
JOB = f"arn:aws:sagemaker:{HERE}:training-job/slipway-0123456789abcdef-1"
OTHER_JOB = f"arn:aws:sagemaker:{HERE}:training-job/other-0123456789abcdef-1"
DATA = "arn:aws:s3:::slipway-data-123456789012"
ARTIFACTS = "arn:aws:s3:::slipway-artifacts-123456789012"
STATE = "arn:aws:s3:::slipway-state-123456789012"
CAPTURES = "arn:aws:s3:::slipway-captures-123456789012"
TRAIN_IMAGES = f"arn:aws:ecr:{HERE}:repository/slipway-train"
SERVE_IMAGES = f"arn:aws:ecr:{HERE}:repository/slipway-serve"
STAGING = f"arn:aws:lambda:{HERE}:function:slipway-staging"
PRODUCTION = f"arn:aws:lambda:{HERE}:function:slipway-production"
GROUPS = f"arn:aws:logs:{HERE}:log-group"
LOG = f"{GROUPS}:/aws/sagemaker/TrainingJobs:log-stream:slipway-0123456789abcdef-1/algo-1"
FUNCTION_LOG = f"{GROUPS}:/aws/lambda/slipway-production:log-stream:2026"
KEY, TOPIC = f"arn:aws:kms:{HERE}:key/1", f"arn:aws:sns:{HERE}:slipway-alerts"
OTHER_KEY = f"arn:aws:kms:{HERE}:key/2"


def passed(service: str) -> Context:
    """A role that is handed to a service."""
    return {"iam:PassedToService": f"{service}.amazonaws.com"}


# role, action, resource, context, and whether it is allowed
Row = tuple[str, str, str, Context, bool]


def rows() -> Iterator[Row]:
    """The table."""
    yes, no = True, False
    # trainings
    for action in ("CreateTrainingJob", "StopTrainingJob", "AddTags", "DescribeTrainingJob"):
        yield "train", f"sagemaker:{action}", JOB, {}, yes
        yield "train", f"sagemaker:{action}", OTHER_JOB, {}, no
    for role in ("report", "operate", "plan", "infra", "deploy-staging", "deploy-production"):
        yield role, "sagemaker:CreateTrainingJob", JOB, {}, no
    for role in ("train", "report", "operate"):
        yield role, "sagemaker:ListTrainingJobs", "*", {}, yes
        yield role, "sagemaker:ListTags", JOB, {}, yes
        yield role, "logs:GetLogEvents", LOG, {}, yes
        yield role, "logs:GetLogEvents", FUNCTION_LOG, {}, no
        yield role, "ecr:DescribeImages", TRAIN_IMAGES, {}, yes
        yield role, "ecr:DescribeImages", SERVE_IMAGES, {}, role == "operate"
    yield "report", "sagemaker:StopTrainingJob", JOB, {}, no
    yield "operate", "sagemaker:StopTrainingJob", JOB, {}, yes
    # roles that are handed on
    yield "train", "iam:PassRole", f"{EXECUTION}-sagemaker", passed("sagemaker"), yes
    yield "train", "iam:PassRole", f"{EXECUTION}-sagemaker", passed("lambda"), no
    yield "train", "iam:PassRole", f"{EXECUTION}-lambda-production", passed("lambda"), no
    yield "train", "iam:PassRole", f"{GITHUB}-infra", passed("sagemaker"), no
    for role in ("report", "operate", "plan"):
        for name, service in (
            ("sagemaker", "sagemaker"),
            ("lambda-staging", "lambda"),
            ("codedeploy-staging", "codedeploy"),
        ):
            yield role, "iam:PassRole", f"{EXECUTION}-{name}", passed(service), no
    for name in ("codedeploy", "firehose"):
        for environment, may in (("production", yes), ("staging", no)):
            given = f"{EXECUTION}-{name}-{environment}"
            yield "deploy-production", "iam:PassRole", given, passed(name), may
            yield "deploy-production", "iam:PassRole", given, passed("ec2"), no
    # CloudWatch Logs does not say that it is passed to
    yield "deploy-production", "iam:PassRole", f"{EXECUTION}-subscription-production", {}, yes
    yield "deploy-production", "iam:PassRole", f"{EXECUTION}-subscription-staging", {}, no
    yield "deploy-staging", "iam:PassRole", f"{EXECUTION}-lambda-staging", passed("lambda"), yes
    yield "deploy-staging", "iam:PassRole", f"{EXECUTION}-lambda-production", passed("lambda"), no
    yield "deploy-staging", "iam:PassRole", f"{EXECUTION}-sagemaker", passed("sagemaker"), no
    # data
    for role, may in (("train", yes), ("report", yes), ("operate", no), ("plan", no), ("infra", no)):
        for bucket in (DATA, ARTIFACTS):
            yield role, "s3:GetObject", f"{bucket}/a", {}, may
            yield role, "s3:PutObject", f"{bucket}/a", {}, may
        yield role, "s3:DeleteObject", f"{DATA}/a", {}, no
        yield role, "s3:GetObject", f"{CAPTURES}/production/a", {}, role == "operate"
        yield role, "kms:GenerateDataKey", KEY, {}, may or role == "infra"
        yield role, "kms:GenerateDataKey", OTHER_KEY, {}, no
        yield role, "kms:PutKeyPolicy", KEY, {}, no
        yield role, "kms:TagResource", OTHER_KEY, {"aws:RequestTag/project": "slipway"}, no
    yield "deploy-staging", "s3:GetObject", f"{DATA}/dvc/a", {}, yes
    yield "deploy-staging", "s3:PutObject", f"{DATA}/dvc/a", {}, no
    # images
    yield "train", "ecr:PutImage", TRAIN_IMAGES, {}, yes
    yield "train", "ecr:PutImage", SERVE_IMAGES, {}, no
    yield "report", "ecr:PutImage", TRAIN_IMAGES, {}, no
    yield "deploy-staging", "ecr:PutImage", SERVE_IMAGES, {}, yes
    yield "deploy-staging", "ecr:PutImage", TRAIN_IMAGES, {}, no
    yield "deploy-staging", "ecr:BatchDeleteImage", SERVE_IMAGES, {}, no
    # functions
    for action in ("UpdateFunctionCode", "UpdateAlias", "PublishVersion", "InvokeFunction", "DeleteFunction"):
        yield "deploy-staging", f"lambda:{action}", STAGING, {}, yes
        yield "deploy-staging", f"lambda:{action}", PRODUCTION, {}, no
        yield "deploy-production", f"lambda:{action}", PRODUCTION, {}, yes
        yield "deploy-production", f"lambda:{action}", STAGING, {}, no
        for role in ("train", "report", "operate", "plan", "infra"):
            yield role, f"lambda:{action}", PRODUCTION, {}, no
    # what answers, and what was taken back
    group = f"arn:aws:codedeploy:{HERE}:deploymentgroup:slipway-production/live"
    for action, resource, may in (
        ("lambda:GetAlias", PRODUCTION, yes),
        ("lambda:GetFunction", f"{PRODUCTION}:7", yes),
        ("lambda:InvokeFunction", f"{PRODUCTION}:7", no),
        ("codedeploy:ListDeployments", group, yes),
        ("codedeploy:GetDeployment", group, yes),
        ("codedeploy:CreateDeployment", group, no),
    ):
        yield "operate", action, resource, {}, may
    for role, may in (("deploy-production", yes), ("deploy-staging", no), ("train", no), ("report", no), ("plan", no)):
        yield role, "codedeploy:CreateDeployment", group, {}, may
        yield role, "codedeploy:ListDeployments", group, {}, may
    # states
    for role, key in (("infra", "platform"), ("deploy-staging", "serving/staging")):
        for action in ("GetObject", "PutObject"):
            yield role, f"s3:{action}", f"{STATE}/{key}.tfstate", {}, yes
            yield role, f"s3:{action}", f"{STATE}/bootstrap.tfstate", {}, no
            yield role, f"s3:{action}", f"{STATE}/serving/production.tfstate", {}, no
        yield role, "s3:DeleteObject", f"{STATE}/{key}.tfstate", {}, no
        yield role, "s3:DeleteObject", f"{STATE}/{key}.tfstate.tflock", {}, yes
    yield "plan", "s3:GetObject", f"{STATE}/platform.tfstate", {}, yes
    yield "plan", "s3:PutObject", f"{STATE}/platform.tfstate", {}, no
    yield "plan", "s3:GetObject", f"{STATE}/bootstrap.tfstate", {}, no
    # nobody widens a role of GitHub's, their own among them, or a boundary
    for role in ("plan", "train", "report", "operate", "infra", "deploy-staging", "deploy-production"):
        for action in ("PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy", "DeleteRolePermissionsBoundary"):
            yield role, f"iam:{action}", f"{GITHUB}-{role}", {}, no
        yield role, "iam:CreatePolicyVersion", BOUNDARY, {}, no
        yield role, "iam:CreateUser", f"{IAM}:user/someone", {}, no
        yield role, "iam:CreateOpenIDConnectProvider", "*", {}, no
        yield role, "iam:CreateRole", f"{EXECUTION}-other", {}, no
        for action in ("PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy", "DeleteRole"):
            yield role, f"iam:{action}", f"{EXECUTION}-sagemaker", {}, no
    yield "infra", "s3:PutBucketPolicy", DATA, {}, yes
    yield "infra", "s3:PutBucketPolicy", STATE, {}, no
    yield "infra", "s3:PutBucketPolicy", "arn:aws:s3:::someone-elses", {}, no
    # services
    stream = f"{GROUPS}:/aws/lambda/slipway-staging:log-stream:a"
    yield "lambda-staging", "logs:PutLogEvents", stream, {}, yes
    yield "lambda-staging", "logs:PutLogEvents", FUNCTION_LOG, {}, no
    for action, resource in (
        ("s3:GetObject", f"{DATA}/a"),
        ("s3:PutObject", f"{CAPTURES}/a"),
        ("kms:Decrypt", KEY),
        ("lambda:InvokeFunction", STAGING),
        ("sns:Publish", TOPIC),
    ):
        yield "lambda-staging", action, resource, {}, no
    smoke_log = f"{GROUPS}:/aws/lambda/slipway-staging-smoke:log-stream:a"
    yield "smoke-staging", "logs:PutLogEvents", smoke_log, {}, yes
    yield "smoke-staging", "logs:PutLogEvents", stream, {}, no
    yield "smoke-staging", "codedeploy:PutLifecycleEventHookExecutionStatus", "*", {}, yes
    yield "smoke-staging", "codedeploy:CreateDeployment", "*", {}, no
    group = f"arn:aws:codedeploy:{HERE}:deploymentgroup:slipway-staging/live"
    yield "smoke-staging", "codedeploy:GetDeployment", group, {}, yes
    yield "smoke-staging", "codedeploy:GetDeployment", group.replace("staging", "production"), {}, no
    yield "smoke-staging", "lambda:InvokeFunction", f"{STAGING}:7", {}, yes
    yield "smoke-staging", "lambda:InvokeFunction", f"{PRODUCTION}:7", {}, no
    yield "smoke-staging", "lambda:UpdateAlias", f"{STAGING}:live", {}, no
    yield "lambda-staging", "codedeploy:PutLifecycleEventHookExecutionStatus", "*", {}, no
    yield "lambda-staging", "logs:PutLogEvents", smoke_log, {}, no
    yield "deploy-staging", "iam:PassRole", f"{EXECUTION}-smoke-staging", passed("lambda"), yes
    yield "deploy-staging", "iam:PassRole", f"{EXECUTION}-smoke-production", passed("lambda"), no
    # addresses
    for auth, may in (("AWS_IAM", yes), ("NONE", no)):
        for action in ("CreateFunctionUrlConfig", "UpdateFunctionUrlConfig"):
            yield "deploy-production", f"lambda:{action}", PRODUCTION, {"lambda:FunctionUrlAuthType": auth}, may
    gateway: Context = {"lambda:Principal": "apigateway.amazonaws.com"}
    for role, resource, may in (("deploy-production", PRODUCTION, yes), ("deploy-staging", STAGING, no)):
        yield role, "lambda:AddPermission", resource, gateway, may
        yield role, "lambda:AddPermission", resource, {"lambda:Principal": "*"}, no
        yield role, "apigateway:POST", "arn:aws:apigateway:us-east-1::/apis", {}, may
        yield role, "logs:PutResourcePolicy", "*", {}, may
    yield "sagemaker", "s3:GetObject", f"{ARTIFACTS}/slipway/inputs/a", {}, yes
    yield "sagemaker", "s3:PutObject", f"{ARTIFACTS}/slipway/checkpoints/a", {}, yes
    yield "sagemaker", "s3:GetObject", f"{CAPTURES}/a", {}, no
    yield "sagemaker", "s3:GetObject", f"{STATE}/platform.tfstate", {}, no
    yield "sagemaker", "lambda:UpdateFunctionCode", PRODUCTION, {}, no
    yield "sagemaker", "iam:PassRole", f"{EXECUTION}-sagemaker", passed("sagemaker"), no
    for action in ("kms:CreateGrant", "kms:Encrypt"):
        yield "sagemaker", action, KEY, {"kms:GrantIsForAWSResource": "true"}, yes
        yield "sagemaker", action, OTHER_KEY, {"kms:GrantIsForAWSResource": "true"}, no
    yield "sagemaker", "kms:CreateGrant", KEY, {}, no
    # those of an environment touch nothing of the other
    for environment, other in (("staging", PRODUCTION), ("production", STAGING)):
        mine = f"arn:aws:lambda:{HERE}:function:slipway-{environment}"
        yield f"codedeploy-{environment}", "lambda:UpdateAlias", f"{mine}:live", {}, yes
        yield f"codedeploy-{environment}", "lambda:UpdateAlias", f"{other}:live", {}, no
        yield f"codedeploy-{environment}", "lambda:InvokeFunction", f"{mine}-smoke", {}, yes
        yield f"codedeploy-{environment}", "lambda:InvokeFunction", f"{other}-smoke", {}, no
        yield f"codedeploy-{environment}", "lambda:InvokeFunction", mine, {}, no
        yield f"codedeploy-{environment}", "lambda:UpdateFunctionCode", mine, {}, no
        stream = f"arn:aws:firehose:{HERE}:deliverystream/slipway-{environment}-captures"
        yield f"subscription-{environment}", "firehose:PutRecordBatch", stream, {}, yes
        for written in ("staging", "production"):
            may = written == environment
            yield f"firehose-{environment}", "s3:PutObject", f"{CAPTURES}/{written}/2026/a", {}, may
            yield f"firehose-{environment}", "s3:PutObject", f"{CAPTURES}/failed/{written}/a", {}, may
        yield f"firehose-{environment}", "s3:GetObject", f"{CAPTURES}/{environment}/a", {}, no
    other = f"arn:aws:firehose:{HERE}:deliverystream/slipway-production-captures"
    yield "subscription-staging", "firehose:PutRecordBatch", other, {}, no
    destinations = f"arn:aws:events:{HERE}:api-destination"
    yield "events", "events:InvokeApiDestination", f"{destinations}/slipway-github/1", {}, yes
    yield "events", "events:InvokeApiDestination", f"{destinations}/other-github/1", {}, no


ROWS = list(rows())


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len({json.dumps(row) for row in ROWS}) == len(ROWS) >= 80
    assert len([row for row in ROWS if row[-1]]) >= 40


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} {row[1]} {row[2].rpartition(':')[2]}" for row in ROWS])
def test_a_role_may_do_what_it_must_and_nothing_else(applied: Any, row: Row) -> None:
    role, action, resource, context, may = row
    resource = applied.states["bootstrap"]["outputs"]["key"]["value"] if resource == KEY else resource
    assert allowed(applied.policies[role], applied.boundaries[role], action, resource, context) is may


def test_no_action_that_is_granted_has_a_wildcard(applied: Any) -> None:
    granted = [
        (name, action)
        for name, policies in applied.policies.items()
        for policy in policies
        for statement in policy["Statement"]
        for action in many(statement["Action"])
    ]
    assert len(granted) > 100
    assert [each for each in granted if "*" in each[1]] == []


def test_all_that_training_asks_of_aws_is_granted_to_who_trains(applied: Any) -> None:
    asked = set(json.loads(ASKED.read_text(encoding="utf-8")))
    granted = {
        action
        for policy in applied.policies["train"]
        for each in policy["Statement"]
        for action in many(each["Action"])
    }
    assert len(asked) > 10
    assert asked <= granted


def test_nothing_is_attached_to_a_role_besides_its_policy(applied: Any) -> None:
    assert len(applied.attached) >= 14
    assert [name for name, policies in applied.attached.items() if policies] == []


def test_policies_fit_what_iam_takes_whatever_the_project_is_called(applied: Any) -> None:
    def size(*policies: Any) -> int:
        told = "".join(json.dumps(policy, separators=(",", ":")) for policy in policies)
        return len(told.replace("slipway", "p" * 32).replace("us-east-1", "ap-southeast-2"))

    for name, policies in applied.policies.items():
        assert size(*policies) <= 10_240, name
        assert size(applied.boundaries[name]) <= 6_144, name
