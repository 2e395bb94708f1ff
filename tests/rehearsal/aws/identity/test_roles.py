"""A request passes only where the policies of the role that makes it, and its boundary, let it."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.call import Call
from slipway.rehearsal.aws.identity.permissions import needs

HERE = "us-east-1:123456789012"
CANARY = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
VERBS = ("CreateTrainingJob", "AddTags")
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def policy(*actions: str, resource: str = "*", **more: Any) -> str:
    """One statement that allows actions."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def client(aws: EmulatedAws, role: str, service: str) -> Any:
    """A client of boto3, in a role."""
    found = aws.as_role(role)
    keys = {"aws_access_key_id": found["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": "rehearsal"}
    return boto3.Session(region_name=aws.region, **keys).client(service, endpoint_url=aws.url)


@pytest.fixture
def role(aws: EmulatedAws) -> str:
    """A role without a policy."""
    aws.client("iam").create_role(RoleName="worker", Path="/team/", AssumeRolePolicyDocument=TRUST)
    return "worker"


def test_a_role_without_a_policy_may_do_nothing_but_ask_who_it_is(aws: EmulatedAws, role: str) -> None:
    assert client(aws, role, "sts").get_caller_identity()["Account"] == "123456789012"
    aws.client("s3").create_bucket(Bucket="texts")
    with pytest.raises(
        ClientError, match=r"role/worker/rehearsal is not authorized to perform: s3:PutObject .*texts/a"
    ):
        client(aws, role, "s3").put_object(Bucket="texts", Key="a", Body=b"a")
    with pytest.raises(ClientError, match=r"not authorized to perform: logs:CreateLogGroup on resource: arn:aws:logs:"):
        client(aws, role, "logs").create_log_group(logGroupName="a")
    for service, call in (("iam", "list_roles"), ("sns", "list_topics"), ("lambda", "list_functions")):
        with pytest.raises(ClientError) as refused:
            getattr(client(aws, role, service), call)()
        assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "EmulationError")


def test_a_policy_opens_what_it_names_at_once(aws: EmulatedAws, role: str) -> None:
    aws.client("s3").create_bucket(Bucket="texts")
    document = policy("s3:PutObject", resource="arn:aws:s3:::texts/mine/*")
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=document)
    s3 = client(aws, role, "s3")
    s3.put_object(Bucket="texts", Key="mine/a", Body=b"a")
    for refused in (
        lambda: s3.put_object(Bucket="texts", Key="yours/a", Body=b"a"),
        lambda: s3.get_object(Bucket="texts", Key="mine/a"),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()


def test_a_boundary_closes_what_a_policy_opens(aws: EmulatedAws) -> None:
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName="edge", PolicyDocument=policy("s3:GetObject"))["Policy"]["Arn"]
    iam.create_role(RoleName="held", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=arn)
    iam.put_role_policy(RoleName="held", PolicyName="one", PolicyDocument=policy("s3:*"))
    aws.client("s3").create_bucket(Bucket="texts")
    aws.client("s3").put_object(Bucket="texts", Key="a", Body=b"a")
    s3 = client(aws, "held", "s3")
    assert s3.get_object(Bucket="texts", Key="a")["Body"].read() == b"a"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="texts", Key="a", Body=b"b")


def test_an_attached_policy_counts_and_a_role_that_is_gone_may_nothing(aws: EmulatedAws, role: str) -> None:
    iam = aws.client("iam")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=policy("s3:ListAllMyBuckets"))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    s3 = client(aws, role, "s3")
    assert s3.list_buckets()["Buckets"] == []
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.delete_role(RoleName=role)
    with pytest.raises(ClientError, match="there is no role worker"):
        s3.list_buckets()


def test_who_makes_a_function_must_be_let_hand_its_role_on(aws: EmulatedAws, role: str) -> None:
    arn = aws.client("iam").create_role(RoleName="f", Path="/x/", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    aws.client("iam").put_role_policy(
        RoleName=role, PolicyName="one", PolicyDocument=policy("lambda:CreateFunction", "lambda:TagResource")
    )
    functions = client(aws, role, "lambda")
    asked = {"FunctionName": "f", "Role": arn, "Code": {"ImageUri": "a"}, "PackageType": "Image", "Tags": {"a": "b"}}
    with pytest.raises(ClientError, match=f"perform: iam:PassRole on resource: {arn}"):
        functions.create_function(**asked)
    service = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    aws.client("iam").put_role_policy(
        RoleName=role, PolicyName="two", PolicyDocument=policy("iam:PassRole", resource=arn, Condition=service)
    )
    with pytest.raises(ClientError, match="perform: iam:PassRole"):
        functions.create_function(**asked)


def test_what_a_bucket_encrypts_asks_for_its_key(aws: EmulatedAws, role: str) -> None:
    kms, s3 = aws.client("kms"), aws.client("s3")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/ours", TargetKeyId=key["KeyId"])
    s3.create_bucket(Bucket="texts")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}}
    s3.put_bucket_encryption(Bucket="texts", ServerSideEncryptionConfiguration={"Rules": [rule]})
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=policy("s3:PutObject"))
    mine = client(aws, role, "s3")
    with pytest.raises(ClientError, match=r"kms:GenerateDataKey on resource"):
        mine.put_object(Bucket="texts", Key="a", Body=b"a")
    named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/ours"]}}
    document = policy("kms:GenerateDataKey", Condition=named)
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="two", PolicyDocument=document)
    mine.put_object(Bucket="texts", Key="a", Body=b"a")


def test_what_services_do_in_a_role_is_checked_and_not_recorded(aws: EmulatedAws, role: str) -> None:
    before = len(aws.requests)
    with pytest.raises(ClientError, match="not authorized to perform: logs:CreateLogGroup"):
        aws.client("logs", role=role).create_log_group(logGroupName="a")
    assert len(aws.requests) == before


@pytest.mark.parametrize(
    ("call", "asked"),
    [
        (
            Call("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "a/"}),
            [("s3:ListBucket", "arn:aws:s3:::b")],
        ),
        (
            Call("monitoring", "DeleteAlarms", {"AlarmNames.member.1": "x", "AlarmNames.member.2": "y"}),
            [("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:{name}") for name in "xy"],
        ),
        (
            Call("monitoring", "DeleteAlarms", {"AlarmNames": ["x", "y"]}, json=True),
            [("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:{name}") for name in "xy"],
        ),
        (Call("monitoring", "PutMetricData", {"Namespace": "n"}), [("cloudwatch:PutMetricData", "*")]),
        (
            Call("codedeploy", "CreateDeployment", {"applicationName": "a", "deploymentGroupName": "g"}),
            [
                ("codedeploy:CreateDeployment", f"arn:aws:codedeploy:{HERE}:deploymentgroup:a/g"),
                ("codedeploy:GetApplicationRevision", f"arn:aws:codedeploy:{HERE}:application:a"),
                ("codedeploy:RegisterApplicationRevision", f"arn:aws:codedeploy:{HERE}:application:a"),
                ("codedeploy:GetDeploymentConfig", f"arn:aws:codedeploy:{HERE}:deploymentconfig:{CANARY}"),
            ],
        ),
        (
            Call("codedeploy", "PutLifecycleEventHookExecutionStatus", {"deploymentId": "d"}),
            [("codedeploy:PutLifecycleEventHookExecutionStatus", "*")],
        ),
        (
            Call("lambda", "Invoke", {"FunctionName": "f", "Qualifier": "live"}),
            [("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:f:live")],
        ),
        (
            Call("apigateway", "CreateRoute", {"ApiId": "a"}, path="/v2/apis/a/routes"),
            [("apigateway:POST", "arn:aws:apigateway:us-east-1::/apis/a/routes")],
        ),
        (
            Call("sagemaker", "CreateTrainingJob", {"TrainingJobName": "j", "Tags": [{"Key": "a", "Value": "b"}]}),
            [(f"sagemaker:{verb}", f"arn:aws:sagemaker:{HERE}:training-job/j") for verb in VERBS],
        ),
        (
            Call("events", "DeleteConnection", {"Name": "c"}),
            [
                ("events:DeleteConnection", f"arn:aws:events:{HERE}:connection/c"),
                ("secretsmanager:DeleteSecret", f"arn:aws:secretsmanager:{HERE}:secret:events!connection/c/1"),
            ],
        ),
        (Call("ecr", "GetAuthorizationToken"), [("ecr:GetAuthorizationToken", "*")]),
        (Call("sts", "GetCallerIdentity"), []),
    ],
)  # fmt: skip
def test_a_request_asks_for_permissions(call: Call, asked: list[tuple[str, str]]) -> None:
    assert [(need.action, need.resource) for need in needs(call)] == asked


def test_a_request_that_is_not_known_here_is_not_let_through(aws: EmulatedAws, role: str) -> None:
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=policy("*"))
    with pytest.raises(ClientError, match="NotImplementedError: the resources of glue:GetJobs"):
        client(aws, role, "glue").get_jobs()
