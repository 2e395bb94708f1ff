"""Runs are recorded in MLflow once, whatever happens, and an outage never reaches the caller."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

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
    """A folder with a small real ONNX model of the bundle's interface: tokens times the largest of 1000 ones."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    ids, mask = (
        helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "sequence"])
        for n in ("input_ids", "attention_mask")
    )
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence"])
    nodes = [
        helper.make_node("Mul", ["input_ids", "attention_mask"], ["x"]),
        helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["weights"], ["one"], keepdims=0),
        helper.make_node("Mul", ["y", "one"], ["logits"]),
    ]
    weights = numpy_helper.from_array(np.ones(1000, dtype=np.float32), "weights")
    graph = helper.make_graph(nodes, "model", [ids, mask], [logits], [weights])
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
    asked = f"tags.`slipway.job` = '{job}'"
    (run,) = client(config).search_runs([experiment.experiment_id], asked)
    return run


def until(holds: Callable[[], object]) -> None:
    """Ask until it holds; what is not there yet may raise."""
    began = time.monotonic()
    while time.monotonic() - began < 60:
        with suppress(Exception):
            if holds():
                return
    pytest.fail("it never held")


def senders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "mlflow"]


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


def test_the_weights_of_a_version_stand_beside_its_graph_which_may_hold_no_more_than_2_gb(
    config: TrackingConfig, bundle: Path, tmp_path: Path
) -> None:
    name = finish(config, "job-10", bundle)
    folder = Path(mlflow.artifacts.download_artifacts(name, dst_path=str(tmp_path / "version")))
    (weights,) = onnx.load(folder / "model.onnx", load_external_data=False).graph.initializer
    assert weights.data_location == TensorProto.EXTERNAL


def test_what_the_machine_does_is_recorded_while_training_alone(
    config: TrackingConfig, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.01")
    watched = config.model_copy(update={"system_metrics": True})

    def recorded(job: str) -> set[str]:
        return {key for key in run_of(config, job).data.metrics if key.startswith("system/")}

    with tracking.live(watched, "job-11", {}) as log:
        log(1, HISTORY[0])
        until(lambda: recorded("job-11"))
    assert "system/cpu_utilization_percentage" in recorded("job-11")
    finish(watched, "job-12", bundle)
    assert recorded("job-12") == set()
    with tracking.live(config, "job-13", {}) as log:
        for step in range(20):
            log(step, HISTORY[0])
    assert recorded("job-13") == set()


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


def test_the_alias_champion_follows_the_newest_version_of_the_bundle_that_is_released(
    config: TrackingConfig, bundle: Path
) -> None:
    name = finish(config, "job-champion", bundle)
    assert name is not None
    for _ in range(2):
        assert tracking.promote(config, "abc") == name
    champion = client(config).get_model_version_by_alias("model", tracking.CHAMPION)
    assert f"models:/model/{champion.version}" == name
    assert tracking.promote(config, "a bundle that nobody recorded") is None
    assert client(config).get_model_version_by_alias("model", tracking.CHAMPION).version == champion.version


def test_an_outage_does_not_keep_a_release(capsys: pytest.CaptureFixture[str]) -> None:
    config = TrackingConfig(
        uri="http://127.0.0.1:9", experiment="tests", registered_model="model", system_metrics=False
    )
    assert tracking.promote(config, "abc") is None
    assert "the alias champion could not be moved at http://127.0.0.1:9" in capsys.readouterr().err
    assert tracking.promote(config.model_copy(update={"uri": None}), "abc") is None


def test_a_release_makes_no_file_to_find_no_version_in(tmp_path: Path, config: TrackingConfig) -> None:
    missing = tmp_path / "none.db"
    assert tracking.promote(config.model_copy(update={"uri": f"sqlite:///{missing}"}), "abc") is None
    assert not missing.exists()


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


def test_an_epoch_that_was_trained_again_is_logged_anew_only_where_it_differs(
    config: TrackingConfig, bundle: Path
) -> None:
    def points(key: str) -> list[tuple[int, float]]:
        history = client(config).get_metric_history(run_of(config, "job-15").info.run_id, key)
        return [(point.step, point.value) for point in sorted(history, key=lambda point: point.timestamp)]

    first, second = ({**epoch, "seconds": float(epoch["epoch"])} for epoch in HISTORY)
    for epochs in ([first, second], [{**first, "seconds": 7.0}, {**second, "train_loss": 1.5}]):
        with tracking.live(config, "job-15", PARAMETERS) as log:
            for epoch in epochs:
                log(int(epoch["epoch"]), epoch)
    assert points("train_loss") == [(1, 2.0), (2, 1.0), (2, 1.5)]
    assert points("seconds") == [(1, 1.0), (2, 2.0), (2, 2.0)]
    assert run_of(config, "job-15").data.metrics["train_loss"] == 1.5
    finish(config, "job-15", bundle)
    assert points("train_loss")[3:] == [(2, 1.0)], "the history of the model is what stands last"
    finish(config, "job-15", bundle)
    assert len(points("train_loss")) == 4


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
        for thread in senders():
            thread.join()
        assert finish(config, "job-5", bundle) is None
    assert capsys.readouterr().err.count("warning: tracking: ") == 2


def test_no_password_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        config = TrackingConfig(
            uri=f"http://user:pa=ss@127.0.0.1:{unused.getsockname()[1]}",
            experiment="x",
            registered_model="m",
            system_metrics=False,
        )
        with tracking.live(config, "job-14", PARAMETERS):
            pass
        for thread in senders():
            thread.join()
    told = capsys.readouterr().err
    assert "warning: tracking: the run could not be started at http://127.0.0.1:" in told
    assert "API request to http://127.0.0.1:" in told
    assert "pa=ss" not in told


@contextmanager
def serve(folder: Path, port: int) -> Iterator[int]:
    """A real MLflow server on `port`, which keeps what it is told in `folder`; its process group."""
    store = ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "art")]
    place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *place, *store],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Uvicorn running on" in line:
            break
    else:
        pytest.fail("".join(lines))
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.slow
def test_a_server_that_goes_and_comes_again_misses_nothing_and_keeps_nobody(
    tmp_path: Path, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    config = TrackingConfig(
        uri=f"http://user:pa=ss@127.0.0.1:{port}", experiment="x", registered_model="m", system_metrics=True
    )

    def logged() -> list[int]:
        run = run_of(config, "job").info.run_id
        return [point.step for point in client(config).get_metric_history(run, "epoch")]

    with tracking.live(config, "job", {"model": "bag"}) as log:
        with serve(tmp_path, port):
            log(1, {"epoch": 1})
            until(lambda: logged() == [1])
        log(2, {"epoch": 2})
        log(3, {"epoch": 3})
        with serve(tmp_path, port) as server:
            until(lambda: logged() == [1, 2, 3])
            os.killpg(server, signal.SIGSTOP)
            log(4, {"epoch": 4})
            os.killpg(server, signal.SIGCONT)
            until(lambda: logged() == [1, 2, 3, 4])
    told = capsys.readouterr().err
    assert told.startswith(f"warning: tracking: the run could not be started at http://127.0.0.1:{port}: ")
    assert told.count("\n") == 1, told
    assert "pa=ss" not in told


@pytest.mark.slow
def test_the_end_does_not_wait_for_a_server_that_hangs(tmp_path: Path, port: int) -> None:
    config = TrackingConfig(uri=f"http://127.0.0.1:{port}", experiment="x", registered_model="m", system_metrics=False)
    with serve(tmp_path, port) as server:
        with tracking.live(config, "job", {}) as log:
            log(1, {"epoch": 1})
            until(lambda: run_of(config, "job").data.metrics)
            os.killpg(server, signal.SIGSTOP)
            log(2, {"epoch": 2})
        (sender,) = senders()
        assert sender.is_alive(), "the end waited until the request had its time out"
        os.killpg(server, signal.SIGCONT)
        sender.join()


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
