"""A root is not destroyed under what was built on it, nor with what would be lost."""

import json
from typing import Any

import boto3

from slipway.delivery.terraform.contents import built_on, full
from slipway.rehearsal.aws.account import EmulatedAws

REGION = "us-east-1"


def state(*resources: tuple[str, dict[str, Any]], mode: str = "managed") -> dict[str, Any]:
    """A state with one instance of each resource."""
    return {"resources": [{"mode": mode, "type": kind, "instances": [{"attributes": v}]} for kind, v in resources]}


def test_what_comes_later_is_named_as_long_as_it_holds_resources(aws: EmulatedAws) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="states")
    assert built_on("bootstrap", "states", REGION) == []
    states = {
        "bootstrap.tfstate": state(("aws_s3_bucket", {})),
        "platform.tfstate": state(("aws_kms_key", {})),
        "platform.tfstate.tflock": state(),
        "serving/production.tfstate": state(("aws_iam_policy_document", {}), mode="data"),
        "serving/staging.tfstate": state(("aws_lambda_function", {})),
    }
    for name, content in states.items():
        s3.put_object(Bucket="states", Key=name, Body=json.dumps(content).encode())
    assert built_on("bootstrap", "states", REGION) == ["platform", "serving/staging"]
    assert built_on("platform", "states", REGION) == ["serving/staging"]
    assert built_on("serving", "states", REGION) == []


def test_a_bucket_that_holds_something_is_named_unless_it_may_be_emptied(aws: EmulatedAws) -> None:
    s3 = boto3.client("s3")
    for name in ("empty", "filled", "old", "given"):
        s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket="old", VersioningConfiguration={"Status": "Enabled"})
    for name in ("filled", "old", "given"):
        s3.put_object(Bucket=name, Key="a", Body=b"a")
    s3.delete_object(Bucket="old", Key="a")
    buckets = [
        ("aws_s3_bucket", {"bucket": name, "force_destroy": name == "given"}) for name in ("empty", "filled", "old")
    ]
    given = ("aws_s3_bucket", {"bucket": "given", "force_destroy": True})
    assert full(state(*buckets, given), REGION) == ["the bucket filled", "the bucket old"]


def test_a_registry_with_images_is_named_unless_it_may_be_emptied(aws: EmulatedAws) -> None:
    boto3.client("ecr").create_repository(repositoryName="empty")
    for name in ("filled", "given"):
        aws.push_image(name, "1")
    registries = [
        ("aws_ecr_repository", {"name": name, "force_delete": name == "given"}) for name in ("empty", "filled", "given")
    ]
    assert full(state(*registries), REGION) == ["the registry filled"]
