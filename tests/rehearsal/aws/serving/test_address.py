"""The address of a function answers who signs and may, and nobody else."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from slipway.rehearsal.aws.account import EmulatedAws

QUESTION = b'{"texts": ["a b"]}'


@pytest.fixture
def address(texts: Any) -> str:
    """Where the function answers."""
    made = texts.functions.create_function_url_config(FunctionName="texts", Qualifier="live", AuthType="AWS_IAM")
    assert made["FunctionUrl"] == texts.functions.get_function_url_config(FunctionName="texts")["FunctionUrl"]
    return str(made["FunctionUrl"])


def ask(address: str, environment: Mapping[str, str], **changed: str) -> int:
    """The status of an answer to a question that was signed with an environment's keys, and changed after that."""
    told = {"secret": environment["AWS_SECRET_ACCESS_KEY"], "service": "lambda", "path": "predict?a=b%20c"} | changed
    request = AWSRequest("POST", address + told["path"], {"Content-Type": "application/json"}, QUESTION)
    keys = Credentials(environment["AWS_ACCESS_KEY_ID"], told["secret"])
    SigV4Auth(keys, told["service"], "us-east-1").add_auth(request)
    headers = dict(request.headers.items()) | ({"X-Amz-Date": changed["date"]} if "date" in changed else {})
    url, body = address + changed.get("asked", told["path"]), changed.get("body", "").encode() or QUESTION
    return requests.post(url, data=body, headers=headers, timeout=30).status_code


def may(aws: EmulatedAws, name: str, *actions: str) -> dict[str, str]:
    """The environment of a role that may do that much."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    aws.client("iam").put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps(policy))
    return aws.as_role(name)


def test_who_signs_is_answered(texts: Any, address: str) -> None:
    assert ask(address, texts.aws.environment) == 200


def test_nobody_else_is(address: str) -> None:
    answer = requests.post(f"{address}predict", data=QUESTION, timeout=30)
    assert (answer.status_code, answer.json()) == (403, {"Message": "Forbidden"})


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": "hunter2"},
        {"service": "execute-api"},
        {"body": "{}"},
        {"asked": "metadata"},
        {"date": "20200101T000000Z"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_signature_of_something_else_is_none(texts: Any, address: str, changed: dict[str, str]) -> None:
    assert ask(address, texts.aws.environment, **changed) == 403


def test_a_role_needs_both_permissions(texts: Any, address: str) -> None:
    both = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    assert ask(address, may(texts.aws, "asks", *both)) == 200
    assert [ask(address, may(texts.aws, f"asks-{each[-3:]}", each)) for each in both] == [403, 403]
