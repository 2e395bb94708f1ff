"""Several processes train what one would, and their job ends as well as its weakest process."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import transformers

from slipway.training import launch
from slipway.training.checkpoint import steps
from slipway.training.history import read_csv
from slipway.training.layout import Layout
from slipway.training.loop import Stopped

SEVERAL = Path(__file__).with_name("several.py")
Make = Callable[..., Layout]
NO_CHANCE = {"width": 16, "layers": 1, "heads": 2, "expansion": 1, "dropout": 0.0, "token_dropout": 0.0}
# what is trained by one process and by two, in one start of both since a start takes seconds
CASES: dict[str, dict[str, Any]] = {
    "bag": {"kind": "bag", "model": {"dropout": 0.0}},
    "encoder": {"kind": "encoder", "model": NO_CHANCE, "accumulate": 3, "class_weights": "balanced"},
    # every batch is one row: nothing is left for the second process
    "rows alone": {"kind": "bag", "model": {"dropout": 0.0}, "token_budget": 1, "epochs": 1, "rows": 40},
    "gone on with": {"kind": "encoder", "model": NO_CHANCE},
    # its pooler has no gradient
    "pretrained": {"kind": "pretrained", "accumulate": 2},
    "compiled": {"kind": "encoder", "model": NO_CHANCE, "compile": True, "epochs": 1, "rows": 64},
    "bf16": {"kind": "encoder", "model": NO_CHANCE, "precision": "bf16"},
}
# sums over rows in another order, and what training makes of their last digits
TOLERANCE = 1e-4
BF16_TOLERANCE = 1e-2
FIGURES = ("train_loss", "log_loss", "accuracy", "macro_f1")


@pytest.fixture(scope="module")
def results(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What "one" process found, and both of two, "0" and "1"."""
    folder = tmp_path_factory.mktemp("two")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    no_chance = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    transformers.BertModel(transformers.BertConfig(vocab_size=1500, **sizes, **no_chance)).save_pretrained(
        folder / "bert"
    )
    cases = CASES | {"pretrained": {**CASES["pretrained"], "model": {"name": str(folder / "bert"), "dropout": 0.0}}}
    several = runpy.run_path(str(SEVERAL))
    run, setting = several["run"], several["Setting"]
    one = {name: run(setting(prepared, folder / "one"), name, case) for name, case in cases.items()}
    with pytest.raises(Stopped):
        run(setting(prepared, folder / "two"), "gone on with", CASES["gone on with"], stop_after=20)
    torchrun = ["torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=2"]
    words = [SEVERAL, json.dumps(cases), prepared, folder / "two", folder]
    command = [sys.executable, "-m", *torchrun, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the checkpoint is of 1 processes, these are 2") == 2
    return {"one": one} | {rank: json.loads((folder / f"{rank}.json").read_text()) for rank in ("0", "1")}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_what_one_does(results: dict[str, Any], case: str) -> None:
    one, two = (results[who][case]["history"] for who in ("one", "0"))
    assert [epoch["step"] for epoch in one] == [epoch["step"] for epoch in two]
    tolerance = BF16_TOLERANCE if case == "bf16" else TOLERANCE
    for figure in FIGURES:
        assert [epoch[figure] for epoch in two] == pytest.approx([epoch[figure] for epoch in one], rel=tolerance)


@pytest.mark.slow
def test_no_thread_of_the_group_outlives_it(results: dict[str, Any]) -> None:
    for rank in ("0", "1"):
        assert not [name for name in results[rank]["threads"] if "gloo" in name]


@pytest.mark.slow
@pytest.mark.parametrize("case", [*CASES, "whole", "resumed"])
def test_both_processes_end_with_the_same_weights(results: dict[str, Any], case: str) -> None:
    assert results["0"][case]["weights"] == results["1"][case]["weights"]


@pytest.mark.slow
def test_two_processes_that_were_stopped_go_on_to_the_same_last_bit(results: dict[str, Any]) -> None:
    found = results["0"]
    assert found["stops"] == [5, 14]
    assert found["resumed"]["weights"] == found["whole"]["weights"]
    for figure in FIGURES:
        first, second = ([epoch[figure] for epoch in found[run]["history"]] for run in ("whole", "resumed"))
        assert first == second


class Launched:
    """A job that was launched."""

    def __init__(self, layout: Layout, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "slipway.training.launch", str(layout.root)],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""

    def until(self, beginning: str) -> str:
        """The first line that begins like this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if line.startswith(beginning):
                return line
        raise AssertionError(f"no {beginning!r} in:\n{self.said}")

    def end(self, by: signal.Signals | None = None) -> int:
        """The exit status, after a signal."""
        if by is not None:
            self.process.send_signal(by)
        self.said += self.process.communicate(timeout=120)[0]
        return self.process.returncode

    def workers(self) -> list[psutil.Process]:
        """The processes that train, by rank."""
        return sorted(psutil.Process(self.process.pid).children(), key=lambda each: each.environ()["RANK"])


def epoch_of(line: str) -> int:
    return int(line.split()[1])


@pytest.mark.slow
def test_a_job_that_was_stopped_goes_on_with_another_number_of_processes(job_of, make_layout: Make) -> None:
    job = job_of("encoder", epochs=200)
    layout = make_layout(job.model_copy(update={"processes": 2}))
    two = Launched(layout)
    two.until("epoch   1")
    assert two.end(signal.SIGTERM) == 143, two.said
    assert "as asked" in two.said
    assert two.said.count("epoch   1") == 1, "both processes speak"
    assert len(steps(layout.checkpoints)) == 1
    assert not layout.failure.exists()
    layout.write_job(job.model_copy(update={"processes": 1}))
    one = Launched(layout)
    assert one.until("the checkpoint is of 2 processes, these are 1")
    assert epoch_of(one.until("epoch")) > 1
    assert "slipway.training.entry" in psutil.Process(one.process.pid).cmdline()
    assert one.end(signal.SIGTERM) == 143


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_job_which_then_goes_on(job_of, make_layout: Make) -> None:
    layout = make_layout(job_of("encoder", epochs=200, minutes=0.0).model_copy(update={"processes": 2}))
    job = Launched(layout)
    job.until("epoch   2")
    began = time.monotonic()
    job.workers()[1].kill()
    assert job.end() == 1, job.said
    assert time.monotonic() - began < 20
    assert "process 1 was killed by SIGKILL" in layout.failure.read_text()
    assert "process 1 was killed by SIGKILL" in job.said.splitlines()[-1]
    again = Launched(layout)
    assert epoch_of(again.until("epoch")) > 1
    assert not layout.failure.exists()
    # who launched it holds the lock of the job: nobody may train on without it
    workers = again.workers()
    again.process.kill()
    assert again.end() == -signal.SIGKILL
    assert not psutil.wait_procs(workers, timeout=20)[1]


@pytest.mark.slow
def test_the_reason_is_that_of_the_process_that_failed(job_of, make_layout: Make) -> None:
    layout = make_layout(job_of(minutes=0.0).model_copy(update={"processes": 2}))
    layout.checkpoints.write_text("a file where rank 0 makes a folder")
    job = Launched(layout)
    assert job.end() == 1, job.said
    reason = layout.failure.read_text()
    assert str(layout.checkpoints) in reason.splitlines()[-1], reason
    assert "Connection" not in reason


@pytest.mark.slow
def test_two_hosts_train_one_model(job_of, make_layout: Make, results: dict[str, Any]) -> None:
    names = ["127.0.0.1", "localhost"]
    hosts = [make_layout(job_of("bag", model={"dropout": 0.0}), name) for name in names]
    for layout, name in zip(hosts, names, strict=True):
        layout.resources.write_text(json.dumps({"current_host": name, "hosts": names[::-1]}))
    port = str(20_000 + os.getpid() % 10_000)
    first, second = (Launched(layout, MASTER_PORT=port) for layout in hosts)
    assert (second.end(), first.end()) == (0, 0), first.said + second.said
    assert json.loads((hosts[0].model / "train.json").read_text())["processes"] == 2
    assert len(read_csv(hosts[0].model / "history.csv")) == 3
    assert not hosts[1].model.exists()
    assert not hosts[1].checkpoints.exists()


@pytest.mark.parametrize(("build", "gpus"), [("2.13.0", 1), ("2.13.0+cpu", 0)])
def test_a_build_of_torch_without_gpus_counts_none(monkeypatch: pytest.MonkeyPatch, build: str, gpus: int) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setattr(launch, "version", lambda name: build)
    assert launch.count_gpus() == gpus


def test_what_cannot_be_launched_ends_with_2_and_its_words(
    job_of, make_layout: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = make_layout(job_of().model_copy(update={"processes": 2}))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setattr(launch, "version", lambda name: "2.13.0")  # a build for GPUs
    assert launch.main([str(layout.root)]) == 2
    assert "compute.processes: 2 is more than the 1 GPUs" in layout.failure.read_text()
    layout.resources.write_text('{"current_host": "algo-3", "hosts": ["algo-1", "algo-2"]}')
    assert Launched(layout).end() == 2
    assert "resourceconfig.json: not the hosts of a job" in layout.failure.read_text()
