"""`make bootstrap` against emulated AWS and GitHub: what GitHub is told is what AWS has."""

import re
import shutil
from collections.abc import Iterator

import pytest
import yaml

from slipway.rehearsal.aws.account import ROOT, EmulatedAws
from slipway.rehearsal.github import GitHub
from slipway.rehearsal.terraform import Terraform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def github() -> Iterator[GitHub]:
    """The repository that the rehearsal's AWS trusts, without settings."""
    if shutil.which("gh") is None:
        pytest.skip("gh is missing: https://cli.github.com")
    with GitHub("acme/texts", 202) as there:
        yield there


@pytest.fixture(scope="module")
def told(
    provider: dict[str, str], github: GitHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[EmulatedAws, str]]:
    """The account that was made for it, and what a second `make bootstrap` said."""
    with EmulatedAws() as aws:
        terraform = Terraform(aws, tmp_path_factory.mktemp("project"))
        # nobody is logged in
        assert "acme/texts on GitHub needs:" in terraform("bootstrap", "bootstrap")
        assert github.requests == []
        assert "It is set." in terraform("bootstrap", "bootstrap", **github.environment)
        yield aws, terraform("bootstrap", "bootstrap", **github.environment)


def test_a_second_time_finds_all_in_place(told: tuple[EmulatedAws, str]) -> None:
    assert told[1].endswith("acme/texts on GitHub has all that it needs.\n")


def test_the_variables_name_what_is_in_aws(github: GitHub, told: tuple[EmulatedAws, str]) -> None:
    roles = told[0].client("iam").list_roles(PathPrefix="/slipway/github/")["Roles"]
    arns = {each["RoleName"].removeprefix("slipway-"): each["Arn"] for each in roles}
    assert len(arns) == 7
    registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    execution = "arn:aws:iam::123456789012:role/slipway/execution"
    assert github.variables == {f"AWS_ROLE_{name.upper().replace('-', '_')}": arn for name, arn in arns.items()} | {
        "AWS_ACCOUNT_ID": "123456789012",
        "AWS_REGION": "us-east-1",
        "SLIPWAY_BUCKET": "slipway-artifacts-123456789012",
        "SLIPWAY_DVC_REMOTE": "s3://slipway-data-123456789012/dvc",
        "SLIPWAY_TRAINING_REPOSITORY": f"{registry}/slipway-train",
        "SLIPWAY_TRAINING_ROLE": f"{execution}/slipway-sagemaker",
    }


def test_all_that_sagemaker_needs_is_among_them(github: GitHub, told: tuple[EmulatedAws, str]) -> None:
    conf = yaml.safe_load((ROOT / "conf" / "compute" / "sagemaker.yaml").read_text(encoding="utf-8"))
    names = [re.sub(r"\$\{oc\.env:(\w+),null\}", r"\1", conf[key]) for key in ("bucket", "role", "repository")]
    assert set(names) <= set(github.variables)


def test_each_environment_takes_the_branch_that_aws_trusts(github: GitHub, told: tuple[EmulatedAws, str]) -> None:
    found = {name: [each["name"] for each in told["policies"]] for name, told in github.environments.items()}
    main = ("report", "operate", "infra", "staging", "production")
    assert found == {"train": []} | {name: ["main"] for name in main}
