"""The project's Terraform, unchanged, makes an emulated account what it should be, and takes all of it back."""

import shutil
from collections.abc import Iterator

import pytest

from slipway.errors import UserError
from slipway.rehearsal.aws import ROOT, EmulatedAws
from slipway.rehearsal.terraform import Terraform

pytestmark = pytest.mark.slow
NOTHING = "No changes. Your infrastructure matches the configuration."
STAGING = ("serving", "staging")


@pytest.fixture(scope="module")
def aws(provider: str) -> Iterator[EmulatedAws]:
    """An empty account."""
    with EmulatedAws() as account:
        yield account


@pytest.fixture(scope="module")
def terraform(aws: EmulatedAws, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Where this module's tests, in their order, make and remove everything."""
    return Terraform(aws, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def platform(terraform: Terraform) -> Terraform:
    """With bootstrap and platform applied."""
    terraform("bootstrap", "bootstrap")
    terraform("apply", "platform")
    return terraform


def push(aws: EmulatedAws, tag: str) -> str:
    """Put an image into the function's registry; returns its digest."""
    aws.push_image("slipway-serve", tag)
    found = aws.client("ecr").describe_images(repositoryName="slipway-serve", imageIds=[{"imageTag": tag}])
    return str(found["imageDetails"][0]["imageDigest"])


@pytest.fixture(scope="module")
def digest(platform: Terraform, aws: EmulatedAws) -> str:
    """Of the image that staging was first applied with."""
    found = push(aws, "first")
    platform("apply", *STAGING, TF_VAR_image_digest=found)
    return found


def test_platform_before_bootstrap_says_what_comes_first(terraform: Terraform) -> None:
    with pytest.raises(UserError, match=r"slipway-state-123456789012 does not exist: `make bootstrap` comes first"):
        terraform("plan", "platform")


def test_a_repository_that_nobody_put_in_is_asked_for(terraform: Terraform) -> None:
    file = terraform.folder / "terraform" / "bootstrap" / "terraform.tfvars"
    before = file.read_text()
    shutil.copyfile(ROOT / "terraform" / "bootstrap" / "terraform.tfvars", file)
    with pytest.raises(UserError, match=r"numbers\s+of\s+owner\s+and\s+repository"):
        terraform("bootstrap", "bootstrap")
    file.write_text(before)
    assert list(terraform.folder.rglob("backend_override.tf")) == []


def test_serving_before_platform_says_what_comes_first(terraform: Terraform) -> None:
    terraform("bootstrap", "bootstrap")
    with pytest.raises(UserError, match=r"`make\s+apply\s+ROOT=platform`\s+comes\s+first"):
        terraform("plan", *STAGING, TF_VAR_image_digest=f"sha256:{'0' * 64}")


def test_what_is_applied_is_not_changed_by_a_second_plan(platform: Terraform, digest: str) -> None:
    assert NOTHING in platform("plan", "bootstrap")
    assert NOTHING in platform("plan", "platform")
    assert NOTHING in platform("plan", *STAGING, TF_VAR_image_digest=digest)


def test_the_state_is_in_the_bucket_and_not_here(platform: Terraform, aws: EmulatedAws, digest: str) -> None:
    found = aws.client("s3").list_objects_v2(Bucket="slipway-state-123456789012")["Contents"]
    assert [each["Key"] for each in found] == ["bootstrap.tfstate", "platform.tfstate", "serving/staging.tfstate"]
    assert list(platform.folder.rglob("*.tfstate")) == [
        path for path in platform.folder.rglob("*.tfstate") if ".terraform" in path.parts
    ]
    assert list(platform.folder.rglob("backend_override.tf")) == []


def test_another_digest_publishes_a_version_and_leaves_the_alias(
    platform: Terraform, aws: EmulatedAws, digest: str
) -> None:
    other = push(aws, "second")
    told = platform("plan", *STAGING, TF_VAR_image_digest=other)
    assert "Plan: 0 to add, 2 to change, 0 to destroy." in told
    platform("apply", *STAGING, TF_VAR_image_digest=other)
    client = aws.client("lambda")
    alias = client.get_alias(FunctionName="slipway-staging", Name="live")
    versions = client.list_versions_by_function(FunctionName="slipway-staging")["Versions"]
    assert alias["FunctionVersion"] == "1"
    assert [each["Version"] for each in versions] == ["$LATEST", "1", "2"]
    assert NOTHING in platform("plan", *STAGING, TF_VAR_image_digest=other)
    # a release shifts it, and the next plan leaves that alone
    client.update_alias(FunctionName="slipway-staging", Name="live", FunctionVersion="2")
    assert NOTHING in platform("plan", *STAGING, TF_VAR_image_digest=other)


def test_a_lock_that_another_holds_is_respected(platform: Terraform, aws: EmulatedAws) -> None:
    lock = {"Bucket": "slipway-state-123456789012", "Key": "platform.tfstate.tflock"}
    held = b'{"ID":"8a1f4b7e","Operation":"OperationTypeApply","Who":"someone@else","Version":"1.11.4","Path":""}'
    aws.client("s3").put_object(**lock, Body=held)
    with pytest.raises(UserError, match=r"(?s)Error acquiring the state lock.*someone@else"):
        platform("apply", "platform")
    aws.client("s3").delete_object(**lock)


def test_another_name_for_the_project_is_refused(platform: Terraform, aws: EmulatedAws) -> None:
    file, s3 = platform.folder / "terraform" / "project.tfvars", aws.client("s3")
    before, other = file.read_text(), "other-state-123456789012"
    file.write_text(before.replace('"slipway"', '"other"'))
    with pytest.raises(UserError, match=f"{other} does not exist: `make bootstrap` comes first"):
        platform("plan", "platform")
    # nor does a state that somebody takes along
    s3.create_bucket(Bucket=other)
    s3.copy({"Bucket": "slipway-state-123456789012", "Key": "platform.tfstate"}, other, "platform.tfstate")
    with pytest.raises(UserError, match=r'state\s+is\s+that\s+of\s+project\s+"slipway",\s+not\s+"other"'):
        platform("plan", "platform")
    s3.delete_object(Bucket=other, Key="platform.tfstate")
    s3.delete_bucket(Bucket=other)
    file.write_text(before)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "elsewhere"), "ROOT=elsewhere: must be one of bootstrap, platform, serving"),
        (("plan",), "ROOT=: must be one of bootstrap, platform, serving"),
        (("plan", "serving"), "ENV=: must be one of staging, production for serving"),
        (("plan", "serving", "test"), "ENV=test: must be one of staging, production for serving"),
        (("plan", "platform", "staging"), "ENV=staging: platform is the whole account's, leave ENV out"),
    ],
)
def test_a_root_or_environment_that_is_none_is_named(terraform: Terraform, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        terraform(*words)


def test_nothing_is_destroyed_without_its_name(platform: Terraform) -> None:
    with pytest.raises(UserError, match="nothing was destroyed"):
        platform("destroy", *STAGING, CONFIRM="production")


def test_destroy_leaves_nothing(platform: Terraform, aws: EmulatedAws, digest: str) -> None:
    platform("destroy", *STAGING, CONFIRM="staging", TF_VAR_image_digest=digest)
    platform("destroy", "platform", CONFIRM="platform")
    platform("destroy", "bootstrap", CONFIRM="bootstrap")
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("lambda").list_functions()["Functions"] == []
    assert aws.client("ecr").describe_repositories()["repositories"] == []
    assert [each["RoleName"] for each in aws.client("iam").list_roles()["Roles"]] == ["train"]
    assert aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert aws.client("iam").list_policies(Scope="Local")["Policies"] == []
    assert aws.client("logs").describe_log_groups()["logGroups"] == []
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert aws.codedeploy.applications == aws.codedeploy.groups == {}
