"""The AWS account: who asks, what terraform/ has made there, and how many machines may train."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from slipway.compute.sagemaker.words import ABSENT, NOT_RENEWED
from slipway.config.compute import SageMakerCompute
from slipway.delivery.doctor.finding import Finding, bad, good, unknown
from slipway.delivery.project import Project
from slipway.delivery.repository.needs import Needs
from slipway.delivery.terraform.root import state_bucket

# an answer that does not come soon is told as none
PATIENCE = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
SIGN_IN = "aws sso login (once before: aws configure sso), or set AWS_PROFILE"
# by the state's name in its bucket: what it is, and what makes it
STATES = {
    "bootstrap": ("GitHub's roles", "make bootstrap"),
    "platform": ("buckets, registries, alerts", "gh workflow run infra.yml"),
    "serving/staging": ("staging", "gh workflow run deploy.yml, once a trained pull request is merged"),
    "serving/production": ("production", "gh workflow run deploy.yml, once a trained pull request is merged"),
}


@dataclass
class Account:
    """An account that answers; `needs` is what GitHub needs, as bootstrap told it."""

    project: Project
    number: str = ""
    needs: Needs | None = None

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of boto3 in a region, where none is said the project's."""
        return boto3.client(service, region_name=region or self.project.region, config=PATIENCE)

    def look(self, compute: SageMakerCompute) -> Iterator[Finding]:
        """Who asks, then what there is; only the first where AWS does not answer or does not know who asks."""
        try:
            identity = self.client("sts").get_caller_identity()
        except (*ABSENT, *NOT_RENEWED, ClientError) as error:
            yield bad(f"AWS does not know who you are ({error})", SIGN_IN)
            return
        except BotoCoreError as error:
            yield unknown(f"AWS does not answer ({error})")
            return
        self.number = identity["Account"]
        yield good(f"account {self.number}, as {identity['Arn'].rpartition(':')[2]}")
        yield from self._region()
        for part in (self._states, lambda: self._quotas(compute)):
            try:
                yield from part()
            except (BotoCoreError, ClientError) as error:
                yield unknown(f"AWS does not say it ({error})")

    def _region(self) -> Iterator[Finding]:
        told, wanted = boto3.Session().region_name, self.project.region
        if told != wanted:
            where = f"AWS's settings say {told}" if told else "AWS's settings name no region"
            yield bad(f"{where}, and the project lies in {wanted}", f"export AWS_DEFAULT_REGION={wanted}")

    def _states(self) -> Iterator[Finding]:
        """Which of terraform/'s roots were applied."""
        bucket, s3 = state_bucket(self.project.name, self.number), self.client("s3")
        for name, (what, mend) in STATES.items():
            try:
                state = json.load(s3.get_object(Bucket=bucket, Key=f"{name}.tfstate")["Body"])
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchBucket", "NoSuchKey", "AccessDenied"):
                    raise
                denied = error.response["Error"]["Code"] == "AccessDenied"
                yield (
                    unknown(f"{what}: the state {name} is closed to you") if denied else bad(f"{what}: not there", mend)
                )
                continue
            if not state.get("resources"):
                yield bad(f"{what}: not there", mend)
                continue
            yield good(f"{what}: terraform/{name.partition('/')[0]} was applied")
            if name == "bootstrap":
                try:
                    self.needs = Needs(**state["outputs"]["github"]["value"])
                except (KeyError, TypeError):
                    yield bad("terraform/bootstrap was applied by another version of the project", "make bootstrap")

    def _quotas(self, compute: SageMakerCompute) -> Iterator[Finding]:
        """How many machines of the chosen types may train at once."""
        kind = "spot training job usage" if compute.spot else "training job usage"
        wanted = [f"{each} for {kind}" for each in compute.instance_types]
        quotas = self.client("service-quotas", compute.region)
        pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        found = {each["QuotaName"]: each for page in pages for each in page["Quotas"]}
        enough = [name for name in wanted if name in found and found[name]["Value"] >= compute.instance_count]
        # the types are tried one after the other: one is enough
        missing = unknown if enough else bad
        for name in wanted:
            quota = found.get(name)
            if quota is None:
                yield unknown(f"SageMaker names no quota `{name}`")
            elif name in enough:
                yield good(f"{name}: {quota['Value']:g}")
            else:
                more = (
                    "aws service-quotas request-service-quota-increase --service-code sagemaker "
                    f"--quota-code {quota['QuotaCode']} --desired-value {compute.instance_count} "
                    f"--region {quotas.meta.region_name}"
                )
                yield missing(f"{name}: {quota['Value']:g}, and {compute.instance_count} are asked for", more)
