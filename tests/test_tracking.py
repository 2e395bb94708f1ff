"""Runs are recorded in MLflow once, whatever happens, and an outage never reaches the caller."""

import json
import socket
from pathlib import Path

import mlflow
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from slipway import tracking
from slipway.config.tracking import TrackingConfig

PARAMETERS = {"model": {"kind": "bag", "lr": 0.1}, "train": {"epochs": 2}}
HISTORY = [
    {"epoch": 1, "train_loss": 2.0, "validation_accuracy": 0.5},
    {"epoch": 2, "train_loss": 1.0, "validation_accuracy": 0.7},
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrackingConfig:
    """A tracking store of its own, migrated once."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
    return TrackingConfig(uri=uri, experiment="tests", registered_model="model", system_metrics=False)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder with a small real ONNX model of the bundle's interface."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    ids, mask = (
        helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "sequence"])
        for n in ("input_ids", "attention_mask")
    )
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence"])
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["x"]),
        helper.make_node("Cast", ["x"], ["logits"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(nodes, "model", [ids, mask], [logits])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / "model.onnx"
    )
    (folder / "manifest.json").write_text(json.dumps({"labels": ["a", "b"]}))
    return folder


def finish(config: TrackingConfig, job: str, bundle: Path, verdict: str = "promote") -> str | None:
    report = bundle.parent / "report.html"
    report.write_text("<p>good</p>")
    tags = {"bundle": "abc", "data": "def", "verdict": verdict}
    return tracking.record(config, job, PARAMETERS, HISTORY, {"test_accuracy": 0.9}, tags, [report], bundle)


def client(config: TrackingConfig) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(config.uri)


def run_of(config: TrackingConfig, job: str) -> mlflow.entities.Run:
    experiment = client(config).get_experiment_by_name(config.experiment)
    (run,) = client(config).search_runs([experiment.experiment_id], f"tags.`slipway.job` = '{job}'")
    return run


def test_a_run_holds_parameters_epochs_report_model_and_version(config: TrackingConfig, bundle: Path) -> None:
    with tracking.live(config, "job-1", PARAMETERS) as log:
        for epoch in HISTORY:
            log(epoch["epoch"], epoch)
    assert finish(config, "job-1", bundle) == "models:/model/1"
    run = run_of(config, "job-1")
    assert run.info.status == "FINISHED"
    assert run.data.params == {"model.kind": "bag", "model.lr": "0.1", "train.epochs": "2"}
    assert run.data.metrics["test_accuracy"] == 0.9
    losses = client(config).get_metric_history(run.info.run_id, "train_loss")
    assert [(point.step, point.value) for point in losses] == [(1, 2.0), (2, 1.0)]
    assert {file.path for file in client(config).list_artifacts(run.info.run_id)} >= {"report.html", "bundle"}
    version = client(config).get_model_version("model", "1")
    assert version.tags["slipway.job"] == "job-1"
    assert version.tags["bundle"] == "abc"
    loaded = mlflow.pyfunc.load_model("models:/model/1")
    assert [spec.name for spec in loaded.metadata.get_input_schema().inputs] == ["input_ids", "attention_mask"]
    ones = np.ones((2, 3), dtype=np.int64)
    np.testing.assert_array_equal(loaded.predict({"input_ids": ones, "attention_mask": ones})["logits"], ones)


def test_recording_twice_changes_nothing(config: TrackingConfig, bundle: Path) -> None:
    first = finish(config, "job-2", bundle)
    assert first is not None
    assert finish(config, "job-2", bundle) == first
    run = run_of(config, "job-2").info.run_id
    assert len(client(config).get_metric_history(run, "train_loss")) == 2
    assert len(client(config).get_metric_history(run, "test_accuracy")) == 1


def test_another_verdict_on_the_same_bundle_is_the_one_that_its_version_carries(
    config: TrackingConfig, bundle: Path
) -> None:
    name = finish(config, "job-7", bundle)
    assert finish(config, "job-7", bundle, verdict="block") == name
    assert name is not None
    version = client(config).get_model_version("model", name.rpartition("/")[2])
    assert version.tags["verdict"] == "block"


def test_labels_with_signs_that_mlflow_refuses_are_recorded_too(config: TrackingConfig) -> None:
    with tracking.live(config, "job-8", {"data": {"labels": {"R&D": "research", "b": "business"}}}):
        pass
    assert json.loads(run_of(config, "job-8").data.params["data.labels"]) == {"R&D": "research", "b": "business"}


def test_parameters_that_an_outage_kept_out_are_logged_later(config: TrackingConfig, bundle: Path) -> None:
    with tracking.live(config, "job-9", {}):
        pass
    finish(config, "job-9", bundle)
    assert run_of(config, "job-9").data.params["train.epochs"] == "2"


def test_epochs_that_were_not_logged_live_are_replayed_once(config: TrackingConfig, bundle: Path) -> None:
    with tracking.live(config, "job-3", PARAMETERS) as log:
        log(1, HISTORY[0])
    finish(config, "job-3", bundle)
    points = client(config).get_metric_history(run_of(config, "job-3").info.run_id, "train_loss")
    assert [point.step for point in points] == [1, 2]


def test_a_run_that_fails_says_so(config: TrackingConfig) -> None:
    with pytest.raises(ZeroDivisionError), tracking.live(config, "job-4", PARAMETERS):
        raise ZeroDivisionError
    assert run_of(config, "job-4").info.status == "FAILED"


def test_an_outage_is_told_once_and_nothing_fails(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        config = TrackingConfig(
            uri=f"http://127.0.0.1:{port}", experiment="x", registered_model="m", system_metrics=False
        )
        with tracking.live(config, "job-5", PARAMETERS) as log:
            log(1, HISTORY[0])
        assert finish(config, "job-5", bundle) is None
    assert capsys.readouterr().err.count("warning: tracking: ") == 2


def test_tracking_off_records_nothing(bundle: Path) -> None:
    config = TrackingConfig(uri=None, experiment="x", registered_model="m", system_metrics=False)
    with tracking.live(config, "job-6", PARAMETERS) as log:
        log(1, HISTORY[0])
    assert finish(config, "job-6", bundle) is None
    assert not list(Path.cwd().glob("mlruns*"))


def test_an_experiment_in_a_temporary_copy_records_in_the_real_project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "real"))
    assert tracking.absolute_uri("sqlite:///mlflow.db") == f"sqlite:///{tmp_path}/real/mlflow.db"
    assert tracking.absolute_uri("sqlite:////abs/mlflow.db") == "sqlite:////abs/mlflow.db"
    assert tracking.absolute_uri("https://mlflow.example") == "https://mlflow.example"
