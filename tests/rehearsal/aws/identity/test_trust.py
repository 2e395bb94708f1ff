"""A token takes a role where the role's trust policy lets it in, and its keys last until they expire."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.call import AwsError
from slipway.rehearsal.aws.identity.trust import ISSUER, may_take

CLAIMS = {"aud": "sts.amazonaws.com", "sub": "repo:acme/texts:environment:train", "repository_id": "202"}


def trust(effect: str = "Allow", operator: str = "StringEquals", issuer: str = ISSUER, **claims: Any) -> dict[str, Any]:
    """A trust policy that asks for claims."""
    wanted = {f"{ISSUER}:{name}": value for name, value in (CLAIMS | claims).items() if value is not None}
    statement = {
        "Effect": effect, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {operator: wanted},
        "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"},
    }  # fmt: skip
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("policy", "taken"),
    [
        (trust(), True),
        (trust(sub=["repo:acme/other:environment:train", CLAIMS["sub"]]), True),
        (trust(sub="repo:acme/texts:*"), False),
        (trust(operator="StringLike", sub="repo:acme/texts:*"), True),
        (trust(operator="StringLike", sub="repo:acme/other:*"), False),
        (trust(aud="another"), False),
        (trust(ref="refs/heads/main"), False),
        (trust(issuer="another.example"), False),
        ({"Statement": trust()["Statement"] + trust("Deny", repository_id="202")["Statement"]}, False),
        ({"Statement": trust()["Statement"] + trust("Deny", repository_id="203")["Statement"]}, True),
        ({"Statement": []}, False),
    ],
)
def test_a_policy_lets_those_in_whose_claims_it_asks_for(policy: dict[str, Any], taken: bool) -> None:
    assert may_take(policy, CLAIMS) is taken


def test_an_operator_that_is_not_known_lets_nobody_in() -> None:
    with pytest.raises(NotImplementedError, match="StringEqualsIgnoreCase"):
        may_take(trust(operator="StringEqualsIgnoreCase"), CLAIMS)


def test_a_token_takes_a_role_and_no_more_than_it_may(aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = aws.client("iam")
    role = iam.create_role(RoleName="train-on", Path="/x/", AssumeRolePolicyDocument=json.dumps(trust()))["Role"]["Arn"]
    may = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName="train-on", PolicyName="may", PolicyDocument=policy)
    for claims in (CLAIMS | {"sub": "repo:mallory/texts:environment:train"}, {}):
        with pytest.raises(AwsError, match=r"AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"):
            aws.assume(role, claims)
    with pytest.raises(AwsError, match="AccessDenied"):
        aws.assume(f"{role}-2", CLAIMS)
    environment = aws.assume(role, CLAIMS)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", environment["AWS_ACCESS_KEY_ID"])
    s3 = boto3.Session().client("s3")
    assert s3.list_buckets()["Buckets"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.create_bucket(Bucket="mine")
    aws.expire(environment["AWS_ACCESS_KEY_ID"])
    with pytest.raises(ClientError, match="ExpiredToken"):
        s3.list_buckets()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.assume(role, CLAIMS)["AWS_ACCESS_KEY_ID"])
    assert boto3.Session().client("s3").list_buckets()["Buckets"] == []
