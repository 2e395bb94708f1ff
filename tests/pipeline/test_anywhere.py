"""The same `dvc repro` in two folders, here and on SageMaker: only SLIPWAY_COMPUTE differs, and the bundle does not."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from tests.pipeline.conftest import Project

from slipway.compute.image import DEVICES, image_tag
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.training.history import read_csv


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.slow
def test_the_pipeline_makes_and_records_the_same_bundle_wherever_it_trains(
    first: Project, new_project: Callable[[Path], Project], aws: EmulatedAws, tmp_path: Path
) -> None:
    there = new_project(tmp_path / "another" / "place")
    aws.client("s3").create_bucket(Bucket="artifacts")
    images = [aws.push_image("slipway-train", image_tag(device)) for device in DEVICES]
    account = {
        "SLIPWAY_COMPUTE": "sagemaker",
        "SLIPWAY_BUCKET": "artifacts",
        "SLIPWAY_TRAINING_ROLE": aws.role,
        "SLIPWAY_TRAINING_REPOSITORY": images[0].rpartition(":")[0],
    }
    # as a workflow does it: prepare, submit, and collect when the job is done
    there.run("dvc", "repro", "prepare")
    assert "started: `dvc repro` waits for it" in there.run("slipway", "submit", **account)
    [name] = aws.sagemaker.workers
    aws.wait(name, "Completed")
    collected = there.run("dvc", "repro", **account, SLIPWAY_OVERRIDES="compute.submit=false")
    assert f"{name}: Completed on 1 x ml.g4dn.xlarge after" in collected
    assert len(aws.sent("sagemaker", "CreateTrainingJob")) == 1

    weights = "models/train/model.safetensors"
    assert (there.folder / weights).read_bytes() == (first.folder / weights).read_bytes()
    assert digests(there.folder / "models" / "bundle") == digests(first.folder / "models" / "bundle")
    assert there.read("reports/metrics.json") == first.read("reports/metrics.json")
    assert json.loads(there.read("models/train/train.json"))["job"] in name
    assert there.ran(there.run("dvc", "repro")) == [], "where it trained is part of what DVC compares"

    client = mlflow.MlflowClient(f"sqlite:///{there.folder / 'mlflow.db'}")
    [run] = client.search_runs([client.get_experiment_by_name("slipway").experiment_id])
    history = read_csv(there.folder / "models" / "train" / "history.csv")
    logged = client.get_metric_history(run.info.run_id, "accuracy")
    assert [(point.step, point.value) for point in logged] == [(each.epoch, each.accuracy) for each in history]
    assert "report.html" in [file.path for file in client.list_artifacts(run.info.run_id)]
    [version] = client.search_model_versions("name = 'slipway'")
    assert version.run_id == run.info.run_id
