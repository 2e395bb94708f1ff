"""What stands against destroying a root: what was built on it, and what its buckets and registries hold.

Terraform would find out half-way, when the rest, the key among it, is gone already.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import boto3

State = dict[str, Any]


def built_on(root: str, bucket: str, region: str) -> list[str]:
    """The states in a bucket of what comes after a root, as long as they hold resources."""
    s3 = boto3.client("s3", region_name=region)
    later = {"bootstrap": ("platform", "serving/"), "platform": ("serving/",), "serving": ()}[root]
    names = [
        each["Key"]
        for prefix in later
        for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        if each["Key"].endswith(".tfstate")
    ]
    states = {name: json.load(s3.get_object(Bucket=bucket, Key=name)["Body"]) for name in names}
    return [name.removesuffix(".tfstate") for name, state in states.items() if list(resources(state))]


def full(state: State, region: str) -> list[str]:
    """The buckets and registries of a state that hold something, and may not be emptied."""
    s3, ecr = (boto3.client(service, region_name=region) for service in ("s3", "ecr"))
    found = []
    for kind, values in resources(state):
        # what somebody removed by hand holds nothing
        if kind == "aws_s3_bucket" and not values["force_destroy"]:
            with suppress(s3.exceptions.NoSuchBucket):
                versions = s3.list_object_versions(Bucket=values["bucket"], MaxKeys=1)
                found += [f"the bucket {values['bucket']}"] if {"Versions", "DeleteMarkers"} & set(versions) else []
        if kind == "aws_ecr_repository" and not values["force_delete"]:
            with suppress(ecr.exceptions.RepositoryNotFoundException):
                images = ecr.list_images(repositoryName=values["name"], maxResults=1)["imageIds"]
                found += [f"the registry {values['name']}"] if images else []
    return found


def resources(state: State) -> Iterator[tuple[str, dict[str, Any]]]:
    """Type and values of each resource that Terraform has made."""
    for resource in state["resources"]:
        if resource["mode"] == "managed":
            yield from ((resource["type"], each["attributes"]) for each in resource["instances"])
