"""The request that SageMaker gets: this file holds what a person reviewed, botocore whether AWS could read it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from sagemaker.core.resources import TrainingJob
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from slipway.compute.sagemaker.request import OWN_DISK, training_request
from slipway.config.compose import runtime
from slipway.errors import UserError
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.training.layout import MOST, from_text

GOLDEN = Path(__file__).parent / "create_training_job.json"
ROLE = "arn:aws:iam::123456789012:role/slipway-training"
CHANNELS = {
    "code": "s3://artifacts/slipway/inputs/code/0000/",
    "prepared": "s3://artifacts/slipway/inputs/prepared/1111/",
}
REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/slipway-train"
IMAGE = f"{REGISTRY}:0123456789abcdef-gpu"
PLAIN = (
    "compute.bucket=artifacts",
    f"compute.role={ROLE}",
    f"compute.repository={REGISTRY}",
)
VARIANTS = {
    "spot": ("compute.tags.owner=me@example.com", "compute.tags.pull-request=12"),
    "warm-pool-in-a-vpc": (
        *("compute.spot=false", "compute.warm_pool_minutes=30", "compute.kms_key=arn:aws:kms:x:1:key/k"),
        *("compute.subnets=[subnet-1]", "compute.security_groups=[sg-1]", "compute.instance_count=2"),
        *("compute.network_isolation=true", "compute.encrypt_between_machines=true"),
    ),
}


def request(job: Any, *words: str, uri: str | None = "http://mlflow.internal:5000") -> dict[str, Any]:
    compute = runtime(["compute=sagemaker", *PLAIN, *words]).compute
    kind = "ml.m5.xlarge" if "compute.spot=false" in words else "ml.g5.xlarge"
    return training_request(compute, job, 1, kind, IMAGE, CHANNELS, uri, 3600, "c0ffee+")


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_sent_is_what_was_reviewed(job_of: Callable[..., Any], aws: EmulatedAws, variant: str) -> None:
    session = boto3.Session()
    with pytest.raises(ClientError):  # the emulated account has no such role
        TrainingJob.create(**request(job_of(), *VARIANTS[variant]), session=session, region=session.region_name)
    [sent] = aws.sent("sagemaker", "CreateTrainingJob")
    sent["HyperParameters"]["job"] = json.loads(sent["HyperParameters"]["job"])
    assert sent == json.loads(GOLDEN.read_text(encoding="utf-8"))[variant]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_reviewed_request_is_one_that_aws_can_read(variant: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[variant]
    golden["HyperParameters"]["job"] = json.dumps(golden["HyperParameters"]["job"])
    model = botocore.session.Session().get_service_model("sagemaker").operation_model("CreateTrainingJob")
    report = ParamValidator().validate(golden, model.input_shape)
    assert not report.has_errors(), report.generate_report()


def test_a_disk_of_the_machine_s_own_takes_no_key(job_of: Callable[..., Any]) -> None:
    words = ("compute.kms_key=arn:aws:kms:x:1:key/k",)
    assert "volume_kms_key_id" not in request(job_of(), *words)["resource_config"]
    assert "volume_kms_key_id" in request(job_of(), *words, "compute.spot=false")["resource_config"]
    own = ("g4dn", "g5", "g6e", "gr6", "p3dn", "p4d", "p4de", "p5en", "p6-b200", "trn2", "r5d", "c6id", "m7gd")
    assert all(OWN_DISK.match(family) for family in own)
    assert not any(OWN_DISK.match(family) for family in ("m5", "c5", "r5", "p2", "p3", "m7i", "c6gn", "t3"))


def test_a_job_without_a_network_is_given_no_server(job_of: Callable[..., Any]) -> None:
    assert "MLFLOW_TRACKING_URI" in request(job_of())["environment"]
    assert "MLFLOW_TRACKING_URI" not in request(job_of(), "compute.network_isolation=true")["environment"]


@pytest.mark.parametrize(
    "uri",
    [
        *("http://me:secret@mlflow.internal", "https://token@mlflow.internal"),
        "https://mlflow.internal/?access_token=secret",
    ],
)
def test_an_address_with_a_password_is_refused(job_of: Callable[..., Any], uri: str) -> None:
    with pytest.raises(UserError, match="may hold a password") as error:
        request(job_of(), uri=uri)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:////here/mlflow.db",
        "postgresql://db/mlflow?user=me&password=secret",
        "file:///home/me/mlruns",
        "./mlruns",
        "http://127.0.0.1:5000",
        "http://localhost:5000",
    ],
)
def test_what_is_of_this_machine_is_no_address_for_another(job_of: Callable[..., Any], uri: str) -> None:
    assert "MLFLOW_TRACKING_URI" not in request(job_of(), uri=uri)["environment"]


@pytest.mark.parametrize(
    "uri", ["https://mlflow.example.com", "arn:aws:sagemaker:eu-west-1:1:mlflow-tracking-server/a"]
)
def test_an_address_that_others_reach_is_told(job_of: Callable[..., Any], uri: str) -> None:
    assert request(job_of(), uri=uri)["environment"]["MLFLOW_TRACKING_URI"] == uri


def test_a_long_job_is_packed_and_one_that_is_too_long_all_the_same_is_refused(job_of: Callable[..., Any]) -> None:
    def job(words: list[str]) -> Any:
        return job_of(model={"tokenizer": {"kind": "words", "stop_words": words}})

    told = request(job(sorted(ENGLISH_STOP_WORDS)))["hyper_parameters"]["job"]
    assert len(told) <= MOST < len(json.dumps(sorted(ENGLISH_STOP_WORDS)))
    assert from_text(told) == job(sorted(ENGLISH_STOP_WORDS))
    with pytest.raises(UserError, match="SageMaker takes 2500"):
        request(job([f"{number * 7919:x}" for number in range(3000)]))
