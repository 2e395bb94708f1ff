"""What is wrong with an account or a machine is said in words, with status 2, and nothing is trained."""

from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.__main__ import main
from slipway.compute.image import image_tag
from slipway.rehearsal.aws.account import EmulatedAws


def wrong_region(account: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    where = {"LocationConstraint": "eu-central-1"}
    account.client("s3", "eu-central-1").create_bucket(Bucket="far", CreateBucketConfiguration=where)
    monkeypatch.setenv("SLIPWAY_BUCKET", "far")


def no_credentials(account: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def no_region(account: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def no_image(account: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [{"imageTag": image_tag("gpu")}]
    account.client("ecr").batch_delete_image(repositoryName="slipway-train", imageIds=ids)


def nobody_there(account: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def sets(name: str, value: str) -> Callable[..., None]:
    return lambda account, monkeypatch: monkeypatch.setenv(name, value)


def denies(permission: str) -> Callable[..., None]:
    return lambda account, monkeypatch: account.faults.deny(permission)


WHO = "arn:aws:sts::123456789012:assumed-role/train/rehearsal may not"
BAD: dict[str, tuple[Callable[..., None], str]] = {
    "no credentials": (no_credentials, "no AWS credentials. Sign in (`aws sso login`"),
    "no such profile": (sets("AWS_PROFILE", "nobody"), "no AWS credentials: The config profile (nobody)"),
    "no region": (no_region, "no AWS region: set compute.region, or AWS_DEFAULT_REGION."),
    "expired credentials": (lambda account, _: account.faults.expire_credentials(), "the AWS credentials have expired"),
    "wrong region": (wrong_region, "s3://far is in eu-central-1, and the job would run in us-east-1"),
    "no bucket": (sets("SLIPWAY_BUCKET", "nobodys-bucket"), "s3://nobodys-bucket does not exist: set compute.bucket"),
    "no name of a bucket": (sets("SLIPWAY_BUCKET", ""), "compute.bucket is not set: terraform/platform prints it"),
    "no image": (no_image, "-gpu is missing: `make image-train DEVICE=gpu` builds it"),
    "no registry": (
        sets("SLIPWAY_TRAINING_REPOSITORY", "123456789012.dkr.ecr.us-east-1.amazonaws.com/other"), "/other:"
    ),
    "clock": (lambda account, _: account.faults.skew_clock(), "The clock of this machine may be wrong"),
    "may not look": (denies("sagemaker:DescribeTrainingJob"), f"{WHO} sagemaker:DescribeTrainingJob on arn:"),
    "may not train": (denies("sagemaker:CreateTrainingJob"), f"{WHO} sagemaker:CreateTrainingJob on arn:aws:sagemaker"),
    "may not pass the role": (denies("iam:PassRole"), f"{WHO} iam:PassRole on arn:aws:iam::123456789012:role/train"),
    "may not send": (denies("s3:PutObject"), "s3:PutObject"),
    "may not list": (denies("s3:ListBucket"), "these credentials may not s3:ListBucket on s3://artifacts"),
    "may not look at images": (denies("ecr:DescribeImages"), f"{WHO} ecr:DescribeImages on arn:aws:ecr"),
    "no address of a registry": (
        sets("SLIPWAY_TRAINING_REPOSITORY", "slipway-train"),
        "compute.repository: String should match",
    ),
    "a tag that AWS does not take": (sets("SLIPWAY_OWNER", "me & you"), "compute.tags.owner: String should match"),
    "a key that is none": (
        sets("SLIPWAY_OVERRIDES", "tracking=off 'compute.kms_key=\"my key\"'"), "compute.kms_key: String should match"
    ),
    "an old GPU": (sets("SLIPWAY_OVERRIDES", "compute.instance_types=[ml.p3.2xlarge]"), "ml.p3.2xlarge has a GPU that"),
    "other chips": (sets("SLIPWAY_OVERRIDES", "compute.instance_types=[ml.trn1.2xlarge]"), "needs another training"),
    "may not list jobs": (denies("sagemaker:ListTrainingJobs"), f"{WHO} sagemaker:ListTrainingJobs on"),
    "nobody there": (nobody_there, "AWS cannot be reached"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_it_is_said_in_words(
    account: EmulatedAws,
    checkout: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: str,
) -> None:
    spoil, words = BAD[case]
    spoil(account, monkeypatch)
    assert main(["submit"]) == 2
    assert words in capsys.readouterr().err.replace("\n", " ")
    assert not account.sagemaker.workers


def test_throttling_without_end_ends_with_words(
    account: EmulatedAws, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    account.faults.throttle("sagemaker", "DescribeTrainingJob", times=100)
    assert main(["submit"]) == 2
    assert "AWS still throttles DescribeTrainingJob after several tries" in capsys.readouterr().err
    assert len(account.sent("sagemaker", "DescribeTrainingJob")) == 2


def test_a_result_that_was_damaged_on_s3_is_refused_and_trained_again_where_asked(
    account: EmulatedAws, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit"]) == 0
    [name] = account.sagemaker.workers
    uri = account.wait(name, "Completed")["ModelArtifacts"]["S3ModelArtifacts"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    whole = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=whole[:-100])
    assert main(["train"]) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert uri in said
    assert "holds no whole result" in said
    assert "compute.retry=true trains again" in said
    assert not (checkout / "models").exists()
    assert main(["train", "compute.retry=true"]) == 0
    assert (checkout / "models" / "train" / "train.json").is_file()
    assert list(account.sagemaker.workers) == [name, f"{name[:-1]}2"]
