"""The same `dvc repro` trains here and on SageMaker: only SLIPWAY_COMPUTE differs, and the model does not."""

import json
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from slipway.compute.image import DEVICES, image_tag
from slipway.rehearsal.aws import EmulatedAws
from slipway.training.history import read_csv


@pytest.mark.slow
def test_the_pipeline_makes_and_records_the_same_bundle_wherever_it_trains(
    new_project: Callable, aws: EmulatedAws, tmp_path: Path
) -> None:
    here, there = (new_project(tmp_path / name) for name in ("here", "there"))
    here.run("dvc", "repro", "package")

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

    for file in ("models/train/model.safetensors", "models/bundle/manifest.json", "models/bundle/model.onnx.data"):
        assert (here.folder / file).read_bytes() == (there.folder / file).read_bytes(), file
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
