"""Terraform and its provider, where this machine has them, and what an account is given by them."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from slipway.delivery.terraform.root import binary
from slipway.errors import UserError
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.identity.roles import policies_of
from slipway.rehearsal.terraform import Terraform, copy_files, mirror, plugins

ASKED_FOR = 'github_events = "acme/texts"\nalert_emails = ["someone@example.com"]\n'
STATES = {"bootstrap": "bootstrap", "platform": "platform", "serving": "serving/production"}


@dataclass(frozen=True)
class Applied:
    """What AWS was given by all roots: policies by role, by root the state with its outputs and what changes then."""

    trusts: dict[str, dict[str, Any]]
    policies: dict[str, list[dict[str, Any]]]
    boundaries: dict[str, dict[str, Any]]
    attached: dict[str, list[Any]]
    states: dict[str, dict[str, Any]]
    alarms: list[dict[str, Any]]
    second_plans: dict[str, str]


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What tells Terraform where AWS's provider is; skips where neither it nor Terraform can be had."""
    try:
        command = [binary(), "init", "-backend=false", "-input=false"]
    except UserError as error:
        pytest.skip(str(error))
    found = plugins()
    if mirror() is None:
        folder = copy_files(tmp_path_factory.mktemp("provider") / "terraform") / "modules" / "names"
        quick = {"PATH": os.defpath, "TF_REGISTRY_DISCOVERY_RETRY": "0", "TF_REGISTRY_CLIENT_TIMEOUT": "5"}
        if subprocess.run(command, cwd=folder, env=quick | found, capture_output=True, check=False).returncode:
            pytest.skip("Terraform's AWS provider cannot be downloaded, and TF_PLUGIN_MIRROR names no folder with it")
    return found


@pytest.fixture(scope="session")
def applied(provider: dict[str, str], testrun_uid: str, tmp_path_factory: pytest.TempPathFactory) -> Applied:
    """An account to look at: made once, for all processes that run tests side by side."""
    file = tmp_path_factory.getbasetemp().parent / f"applied-{testrun_uid}.json"
    with FileLock(f"{file}.lock"):
        if not file.exists():
            found = apply(tmp_path_factory.mktemp("project"))
            file.write_text(json.dumps(asdict(found), default=str), encoding="utf-8")
    return Applied(**json.loads(file.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def push() -> Callable[[EmulatedAws, str], str]:
    """Puts an image into the function's registry, under a tag; returns its digest."""
    return push_image


def push_image(aws: EmulatedAws, tag: str) -> str:
    """The same."""
    name = "slipway-serve"
    aws.push_image(name, tag)
    found = aws.client("ecr").describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])
    return str(found["imageDetails"][0]["imageDigest"])


def apply(folder: Path) -> Applied:
    """All roots, with all that may be asked for, in an empty account, by GitHub's roles."""
    with EmulatedAws() as aws:
        terraform = Terraform(aws, folder)
        terraform("bootstrap", "bootstrap", TF_VAR_may_be_public='["production"]')
        (folder / "terraform" / "platform" / "terraform.tfvars").write_text(ASKED_FOR, encoding="utf-8")
        terraform("apply", "platform", role="infra")
        public = {"TF_VAR_image_digest": push_image(aws, "first"), "TF_VAR_public": "true"}
        terraform("apply", "serving", "production", role="deploy-production", **public)
        iam, s3, cloudwatch = (aws.client(service) for service in ("iam", "s3", "cloudwatch"))
        listed = iam.list_roles(PathPrefix="/slipway/")["Roles"]
        roles = {each["RoleName"].removeprefix("slipway-"): each for each in listed}
        names = {name: each["RoleName"] for name, each in roles.items()}
        found = {name: policies_of(role) for name, role in names.items()}
        bucket = "slipway-state-123456789012"
        states = {
            root: s3.get_object(Bucket=bucket, Key=f"{key}.tfstate")["Body"].read() for root, key in STATES.items()
        }
        return Applied(
            trusts={name: each["AssumeRolePolicyDocument"] for name, each in roles.items()},
            policies={name: policies for name, (policies, _) in found.items()},
            boundaries={name: boundary for name, (_, boundary) in found.items()},
            attached={
                name: iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] for name, role in names.items()
            },
            states={root: json.loads(state) for root, state in states.items()},
            alarms=cloudwatch.describe_alarms()["MetricAlarms"],
            second_plans={
                "platform": terraform("plan", "platform", role="infra"),
                "serving": terraform("plan", "serving", "production", role="deploy-production", **public),
            },
        )
