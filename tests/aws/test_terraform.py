"""The project's Terraform, unchanged, makes an emulated account what it should be, and takes all of it back.

The account asks IAM before it answers: GitHub's roles do in it what workflows will have them do, by the policies and
boundaries that were applied, and lack no permission.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from slipway.compute.image import DEVICES, image_tag
from slipway.delivery.terraform.root import LOCAL_BACKEND
from slipway.errors import UserError
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.terraform import Terraform

pytestmark = pytest.mark.slow
NOTHING = "No changes. Your infrastructure matches the configuration."
STAGING = ("serving", "staging")
STATE = "slipway-state-123456789012"
DATA = "slipway-data-123456789012"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
EXECUTION = "arn:aws:iam::123456789012:role/slipway/execution"
UNLOCKED = {"TF_CLI_ARGS_plan": "-no-color -lock=false"}
Push = Callable[[EmulatedAws, str], str]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def aws(provider: dict[str, str]) -> Iterator[EmulatedAws]:
    """An empty account."""
    with EmulatedAws() as account:
        yield account


@pytest.fixture(scope="module")
def terraform(aws: EmulatedAws, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Where this module's tests, in their order, make and remove everything."""
    return Terraform(aws, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def platform(terraform: Terraform) -> Terraform:
    """With bootstrap applied by a person, and platform by GitHub's role."""
    terraform("bootstrap", "bootstrap")
    terraform("apply", "platform", role="infra")
    for device in DEVICES:
        terraform.aws.push_image("slipway-train", image_tag(device))
    return terraform


@pytest.fixture
def run(platform: Terraform, aws: EmulatedAws, trainable: Path) -> Run:
    """Runs a verb, or DVC, in a checkout, in a role."""
    settings = {
        "SLIPWAY_COMPUTE": "sagemaker",
        "SLIPWAY_OVERRIDES": "tracking=off",
        "SLIPWAY_BUCKET": "slipway-artifacts-123456789012",
        "SLIPWAY_TRAINING_ROLE": f"{EXECUTION}/slipway-sagemaker",
        "SLIPWAY_TRAINING_REPOSITORY": f"{REGISTRY}/slipway-train",
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }

    def run(role: str, *words: str, good: bool = True) -> subprocess.CompletedProcess[str]:
        module = ["-m", *words] if words[0] == "dvc" else ["-m", "slipway", *words]
        done = subprocess.run(
            [sys.executable, *module],
            cwd=trainable,
            env=aws.as_role(f"slipway-{role}") | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is good, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def digest(platform: Terraform, aws: EmulatedAws, push: Push) -> str:
    """Of the image that staging was first applied with."""
    found = push(aws, "first")
    platform("apply", *STAGING, role="deploy-staging", TF_VAR_image_digest=found)
    return found


def test_platform_before_bootstrap_says_what_comes_first(terraform: Terraform) -> None:
    with pytest.raises(UserError, match=f"{STATE} does not exist: `make bootstrap` comes first"):
        terraform("plan", "platform")


def test_a_repository_that_nobody_put_in_is_asked_for(terraform: Terraform) -> None:
    file = terraform.folder / "terraform" / "bootstrap" / "terraform.tfvars"
    before = file.read_text()
    file.write_text('github = { owner = "OWNER", owner_id = "0", name = "texts", id = "0" }\n')
    with pytest.raises(UserError, match=r"numbers\s+of\s+owner\s+and\s+repository"):
        terraform("bootstrap", "bootstrap")
    file.write_text(before)
    assert list(terraform.folder.rglob("backend_override.tf")) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('region = "us-east-9"', 'project.tfvars: region "us-east-9" is none of AWS\'s, as eu-central-1'),
        (f'project = "{"long" * 15}"', "must be 3 to 32 lower-case letters"),
        (
            'project = "my texts"',
            "my texts-state-123456789012 is no name of a bucket: choose a shorter or plainer `project`",
        ),
    ],
)
def test_a_name_or_region_that_aws_does_not_take_is_named(terraform: Terraform, value: str, said: str) -> None:
    file = terraform.folder / "terraform" / "project.tfvars"
    before = file.read_text()
    name = value.partition(" ")[0]
    file.write_text(re.sub(rf"{name} += .*", value, before))
    with pytest.raises(UserError, match=re.escape(said).replace(r"\ ", r"\s+")):
        terraform("bootstrap", "bootstrap")
    file.write_text(before)


def test_a_bucket_of_states_that_is_anothers_is_named(terraform: Terraform, aws: EmulatedAws) -> None:
    aws.faults.take_name(STATE)
    with pytest.raises(UserError, match=rf"{STATE} is closed to you .* choose another `project`"):
        terraform("bootstrap", "bootstrap")
    aws.faults.free_name(STATE)


def test_a_bootstrap_that_broke_off_goes_on(terraform: Terraform, aws: EmulatedAws) -> None:
    folder = terraform.folder / "terraform" / "bootstrap"
    aws.faults.deny("s3:PutObject")  # all is made, and the state cannot move into its bucket
    with pytest.raises(UserError, match="terraform init of terraform/bootstrap failed"):
        terraform("bootstrap", "bootstrap")
    aws.faults.mend()
    assert (folder / "terraform.tfstate").exists()
    (folder / "backend_override.tf").write_text(LOCAL_BACKEND)  # as kill -9 leaves it
    terraform("bootstrap", "bootstrap")
    assert not (folder / "terraform.tfstate").exists()
    assert NOTHING in terraform("plan", "bootstrap")


def test_serving_before_platform_says_what_comes_first(terraform: Terraform) -> None:
    terraform("bootstrap", "bootstrap")
    with pytest.raises(UserError, match=r"`make\s+apply\s+ROOT=platform`\s+comes\s+first"):
        terraform("plan", *STAGING, TF_VAR_image_digest=f"sha256:{'0' * 64}")


def test_a_bucket_that_is_anothers_is_named(terraform: Terraform, aws: EmulatedAws) -> None:
    aws.faults.take_name(DATA)
    with pytest.raises(UserError, match=rf"{DATA}\)?:[\s\S]*BucketAlreadyExists"):
        terraform("apply", "platform")
    aws.faults.free_name(DATA)


def test_what_is_applied_is_not_changed_by_a_second_plan(platform: Terraform, digest: str) -> None:
    assert NOTHING in platform("plan", "bootstrap")
    assert NOTHING in platform("plan", "platform", role="plan", **UNLOCKED)
    assert NOTHING in platform("plan", *STAGING, role="deploy-staging", TF_VAR_image_digest=digest)


def test_the_state_is_in_the_bucket_and_not_here(platform: Terraform, aws: EmulatedAws, digest: str) -> None:
    found = aws.client("s3").list_objects_v2(Bucket=STATE)["Contents"]
    assert [each["Key"] for each in found] == ["bootstrap.tfstate", "platform.tfstate", "serving/staging.tfstate"]
    assert list(platform.folder.rglob("*.tfstate")) == [
        path for path in platform.folder.rglob("*.tfstate") if ".terraform" in path.parts
    ]
    assert list(platform.folder.rglob("backend_override.tf")) == []


def test_another_digest_is_an_update_and_what_a_release_does_with_it_is_none_of_terraforms(
    platform: Terraform, aws: EmulatedAws, digest: str, push: Push
) -> None:
    other = push(aws, "second")
    told = platform("apply", *STAGING, role="deploy-staging", TF_VAR_image_digest=other)
    assert "Plan: 0 to add, 2 to change, 0 to destroy." in told
    client, name = aws.client("lambda"), "slipway-staging"
    alias = client.get_alias(FunctionName=name, Name="live")
    versions = client.list_versions_by_function(FunctionName=name)["Versions"]
    assert (alias["FunctionVersion"], [each["Version"] for each in versions]) == ("$LATEST", ["$LATEST"])
    assert NOTHING in platform("plan", *STAGING, TF_VAR_image_digest=other)
    # a release publishes, and shifts the alias: the next plan leaves both alone
    version = client.publish_version(FunctionName=name, Description="its bundle")["Version"]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    assert NOTHING in platform("plan", *STAGING, TF_VAR_image_digest=other)


def test_a_lock_that_another_holds_is_respected(platform: Terraform, aws: EmulatedAws) -> None:
    lock = {"Bucket": STATE, "Key": "platform.tfstate.tflock"}
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
    with pytest.raises(UserError, match=r"the account knows GitHub already.* its old name back.* Nothing was made"):
        platform("bootstrap", "bootstrap")
    # nor does a state that somebody takes along
    s3.create_bucket(Bucket=other)
    s3.copy({"Bucket": STATE, "Key": "platform.tfstate"}, other, "platform.tfstate")
    said = r'state\s+is\s+that\s+of\s+project\s+"slipway",\s+not\s+"other"'
    with pytest.raises(UserError, match=said):
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


def test_an_address_for_everybody_comes_only_where_bootstrap_lets_it(platform: Terraform, digest: str) -> None:
    asked = {"TF_VAR_image_digest": digest, "TF_VAR_public": "true"}
    with pytest.raises(
        UserError, match=r"deploy-staging/rehearsal\s+is\s+not\s+authorized\s+to\s+perform:\s+apigateway"
    ):
        platform("apply", *STAGING, role="deploy-staging", **asked)
    platform("apply", *STAGING, role="deploy-staging", TF_VAR_image_digest=digest)


def longer(checkout: Path) -> None:
    """Make the checkout's job one that does not end by itself."""
    resolved = yaml.safe_load((checkout / "resolved.yaml").read_text(encoding="utf-8"))
    resolved["train"] |= {"epochs": 10_000, "patience": None}
    (checkout / "resolved.yaml").write_text(yaml.safe_dump(resolved), encoding="utf-8")


def test_one_role_submits_another_collects_and_only_the_first_may_submit(
    aws: EmulatedAws, run: Run, trainable: Path
) -> None:
    assert "report/rehearsal is not authorized to perform: sagemaker:CreateTrainingJob" in (
        run("report", "submit", good=False).stderr
    )
    assert "started" in run("train", "submit").stdout
    assert "1 x ml.g4dn.xlarge" in run("train", "jobs").stdout
    run("report", "train", "compute.submit=false")
    assert (trainable / "models" / "train" / "model.safetensors").exists()
    [request] = aws.sent("sagemaker", "CreateTrainingJob")[-1:]
    assert request["RoleArn"].endswith("/slipway-sagemaker")


def test_who_operates_stops_what_another_started(aws: EmulatedAws, run: Run, trainable: Path) -> None:
    longer(trainable)
    run("train", "submit")
    name = aws.sent("sagemaker", "CreateTrainingJob")[-1]["TrainingJobName"]
    aws.wait_line(name, "epoch   1")
    assert "report/rehearsal is not authorized to perform: sagemaker:StopTrainingJob" in (
        run("report", "stop", name, good=False).stderr
    )
    run("operate", "stop", name)
    assert "as asked" in run("operate", "logs", name).stderr
    assert aws.wait(name, "Stopped")["TrainingJobStatus"] == "Stopped"


def test_data_is_pushed_by_one_role_and_pulled_by_others(run: Run, trainable: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=trainable, check=True)
    run("train", "dvc", "init", "-q")
    run("train", "dvc", "add", "-q", "data/prepared")
    run("train", "dvc", "remote", "add", "-q", "--default", "aws", f"s3://{DATA}/dvc")
    before = sorted(path.name for path in (trainable / "data" / "prepared").iterdir())
    assert "Forbidden" in run("operate", "dvc", "push", good=False).stderr
    run("train", "dvc", "push", "-q")
    for role in ("report", "deploy-staging"):
        shutil.rmtree(trainable / "data" / "prepared")
        shutil.rmtree(trainable / ".dvc" / "cache")
        run(role, "dvc", "pull", "-q")
        assert sorted(path.name for path in (trainable / "data" / "prepared").iterdir()) == before
    assert "Forbidden" in run("plan", "dvc", "status", "-c", good=False).stderr


def test_nothing_is_destroyed_without_its_name(platform: Terraform) -> None:
    with pytest.raises(UserError, match="nothing was destroyed"):
        platform("destroy", *STAGING, CONFIRM="production")


def test_nothing_is_destroyed_where_nobody_answers(platform: Terraform) -> None:
    with pytest.raises(UserError, match="nothing was destroyed"):
        platform("destroy", *STAGING)


def test_what_something_was_built_on_is_not_destroyed(platform: Terraform, digest: str) -> None:
    with pytest.raises(UserError, match="platform is for a person to destroy, who may look at all of it"):
        platform("destroy", "platform", role="infra", CONFIRM="platform")
    with pytest.raises(UserError, match=r"serving/staging must be destroyed before platform: nothing was destroyed"):
        platform("destroy", "platform", CONFIRM="platform")
    with pytest.raises(UserError, match=r"platform, serving/staging must be destroyed before bootstrap: nothing was"):
        platform("destroy", "bootstrap", CONFIRM="bootstrap")


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
    left = [each["logGroupName"] for each in aws.client("logs").describe_log_groups()["logGroups"]]
    assert left == ["/aws/sagemaker/TrainingJobs"], "SageMaker's own"
    assert aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert aws.client("cloudwatch").list_dashboards()["DashboardEntries"] == []
    assert aws.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == []
    assert aws.client("sns").list_topics()["Topics"] == []
    assert aws.client("events").list_rules()["Rules"] == []
    aliases = [each["AliasName"] for each in aws.client("kms").list_aliases()["Aliases"]]
    assert [name for name in aliases if not name.startswith("alias/aws/")] == []
    assert aws.client("budgets").describe_budgets(AccountId="123456789012").get("Budgets", []) == []
    assert aws.codedeploy.applications == aws.codedeploy.groups == {}
