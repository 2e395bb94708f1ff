"""The verbs, where the configuration chooses SageMaker."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest

from slipway.__main__ import main
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.training.history import read_csv


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, though the processes that run tests side by side ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_the_verbs_know_jobs_by_name(
    account: EmulatedAws,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[..., None],
) -> None:
    assert main(["train", "compute.submit=false"]) == 2
    assert "was never started, and compute.submit=false starts none" in capsys.readouterr().err
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking=off")
    change(epochs=400, patience=None)
    assert main(["submit"]) == 0
    [name] = account.sagemaker.workers
    assert f"{name} started" in capsys.readouterr().out
    assert main(["submit"]) == 0
    assert f"{name} runs already" in capsys.readouterr().out
    account.wait_line(name, "epoch   1")
    assert main(["jobs"]) == 0
    assert "1 x ml.g4dn.xlarge" in capsys.readouterr().out
    assert main(["stop", name]) == 0
    assert main(["logs", name]) == 0
    assert "as asked; the next attempt goes on from there" in capsys.readouterr().err
    assert main(["stop", name]) == 0
    assert f"{name} does not run (compute=sagemaker): the job is stopped" in capsys.readouterr().out
    assert main(["submit"]) == 0
    capsys.readouterr()
    assert main(["stop", name]) == 0
    assert f"the job is running, and the last attempt is {name[:-1]}2" in capsys.readouterr().out
    assert main(["logs", name]) == 0
    assert "as asked; the next attempt goes on from there" in capsys.readouterr().err
    monkeypatch.setenv("SLIPWAY_COMPUTE", "local")
    assert main(["stop", f"{name[:-1]}2"]) == 2
    jobs = "`slipway jobs` lists what ran here"
    assert f"with compute=local: {jobs}, and with compute=sagemaker" in capsys.readouterr().err
    monkeypatch.setenv("SLIPWAY_COMPUTE", "sagemaker")
    assert main(["logs", f"{name[:-1]}9"]) == 2
    assert main(["logs", "nothing"]) == 2
    assert main(["logs"]) == 2


@pytest.mark.slow
def test_what_the_tracking_server_did_not_hear_is_told_on_collection_and_once(
    account: EmulatedAws, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{checkout / 'mlflow.db'}"  # a file of this machine: the job cannot reach it
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking=mlflow")
    assert main(["train"]) == 0
    [request] = account.sent("sagemaker", "CreateTrainingJob")
    told = set(request["Environment"])
    assert told == {"SLIPWAY_GIT_COMMIT", "SLIPWAY_CODE_SHA256"}
    assert main(["train"]) == 0
    client = mlflow.MlflowClient(uri)
    [run] = client.search_runs([client.get_experiment_by_name("slipway").experiment_id])
    history = read_csv(checkout / "models" / "train" / "history.csv")
    logged = client.get_metric_history(run.info.run_id, "accuracy")
    assert [(point.step, point.value) for point in logged] == [(each.epoch, each.accuracy) for each in history]
    assert run.info.status == "FINISHED"


def test_ctrl_c_ends_the_wait_and_not_the_job(
    interruptible: None,
    account: EmulatedAws,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[..., None],
) -> None:
    change(epochs=400, patience=None)
    # when the log is read for the first time, the job trains
    account.after = lambda call: os.kill(os.getpid(), signal.SIGINT) if call.action == "GetLogEvents" else None
    assert main(["train"]) == 130
    account.after = lambda call: None
    [name] = account.sagemaker.workers
    assert f"{name} goes on: `dvc repro` waits for it again" in capsys.readouterr().err.replace("\n", " ")
    assert main(["submit"]) == 0
    assert f"{name} runs already" in capsys.readouterr().out
    assert not (checkout / "models").exists()


def test_a_failed_job_says_why_also_where_none_may_be_started(
    account: EmulatedAws, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account.faults.fail_capacity("ml.g4dn.xlarge")
    assert main(["submit", "compute.spot=false"]) == 0
    [name] = account.sagemaker.workers
    account.wait(name, "Failed")
    assert main(["train", "compute.submit=false"]) == 2
    said = capsys.readouterr().err.replace("\n", " ")
    assert f"{name} failed: CapacityError" in said
    assert "Another attempt is not started: compute.submit is false" in said


def test_ctrl_c_before_a_job_is_started_promises_none(
    interruptible: None,
    account: EmulatedAws,
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[..., None],
) -> None:
    change(epochs=400, patience=None)
    assert main(["submit"]) == 0
    [name] = account.sagemaker.workers
    assert main(["stop", name]) == 0
    account.wait(name, "Stopped")
    capsys.readouterr()
    account.after = lambda call: os.kill(os.getpid(), signal.SIGINT) if call.action == "DescribeImages" else None
    assert main(["train"]) == 130
    account.after = lambda call: None
    assert "goes on" not in capsys.readouterr().err
    assert list(account.sagemaker.workers) == [name]
