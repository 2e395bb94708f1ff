"""A stand-in for the training image, whose work is told by the job's environment."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest

from slipway.rehearsal.aws.account import EmulatedAws

TRAIN = r"""
import json, os, signal, subprocess, sys
from pathlib import Path

root = Path(sys.argv[1])
work = os.environ.get("WORK", "finish")
checkpoints = root / "checkpoints"
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("found", *sorted(path.name for path in checkpoints.rglob("*")), flush=True)
if work == "orphan":
    orphan = "import signal; print('orphan', flush=True); signal.pause()"
    # it has the job's log open, in a session of its own, as what torchrun starts
    child = subprocess.Popen([sys.executable, "-c", orphan], stdout=subprocess.PIPE, start_new_session=True)
    print(child.stdout.readline().decode(), flush=True)
if work == "fail":
    (root / "output" / "failure").write_text("the reason")
    sys.exit(3)
if work in ("wait", "ignore"):
    (checkpoints / "step-1").mkdir(exist_ok=True)
    for name in "abcdefgh":
        (checkpoints / "step-1" / name).write_text("one")
    print("waiting", flush=True)
    signal.sigwait({signal.SIGTERM})
    if work == "ignore":
        signal.sigwait({signal.SIGUSR1})
    (checkpoints / "step-1" / "a").unlink()
    (checkpoints / "step-2").mkdir(exist_ok=True)
    (checkpoints / "step-2" / "weights").write_text("two")
    (checkpoints / "step-2" / "manifest").write_text("two")
    sys.exit(143)
if work == "hosts":
    hosts = json.loads((root / "input/config/resourceconfig.json").read_text())
    print(hosts["current_host"], "of", *hosts["hosts"], flush=True)
for folder in ("config", "data"):
    for path in sorted((root / "input" / folder).rglob("*")):
        if path.is_file():
            print(path.relative_to(root / "input"), path.read_text(), flush=True)
(root / "model" / "weights").write_text("the weights")
"""


LOADER = botocore.loaders.create_loader()
PREPARED = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in/data/"}


@pytest.fixture
def account(aws: EmulatedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmulatedAws:
    """An emulated account with a bucket, an input and an image that runs the stand-in."""
    script = tmp_path / "train.py"
    script.write_text(TRAIN, encoding="utf-8")
    aws.train = [sys.executable, str(script)]
    # with what one test read of AWS's descriptions the next need not begin again
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session(botocore_session=session))
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="in/data/x/rows", Body=b"the rows")
    aws.push_image("train", "1")
    aws.requests.clear()
    return aws


@pytest.fixture
def create(account: EmulatedAws) -> Callable[..., str]:
    """Creates a training job; returns its name. `more` replaces parts of the request."""

    def make(name: str = "job-1", work: str = "finish", spot: bool = False, **more: Any) -> str:
        stopping = {"MaxRuntimeInSeconds": 100} | ({"MaxWaitTimeInSeconds": 200} if spot else {})
        request = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {
                "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/train:1",
                "TrainingInputMode": "File",
            },
            "RoleArn": account.role,
            "InputDataConfig": [{"ChannelName": "prepared", "DataSource": {"S3DataSource": PREPARED}}],
            "OutputDataConfig": {"S3OutputPath": "s3://bucket/jobs/"},
            "CheckpointConfig": {"S3Uri": "s3://bucket/checkpoints"},
            "ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": stopping,
            "HyperParameters": {"job": "{}"},
            "Environment": {"WORK": work},
            "EnableManagedSpotTraining": spot,
        }
        boto3.client("sagemaker").create_training_job(**request | more)
        return name

    return make
