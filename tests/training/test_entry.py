"""A job keeps the contract of the folder that it runs in: what it reads, what it leaves, how it ends."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.models.store import load
from slipway.training.checkpoint import steps
from slipway.training.history import read_csv
from slipway.training.layout import Layout

Make = Callable[..., Layout]


def start(layout: Layout, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "slipway.training.entry", str(layout.root)]
    return subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run(layout: Layout, status: int) -> str:
    process = start(layout)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == status, said
    return said


def test_a_job_leaves_its_model_and_what_it_took(job_of, make_layout: Make) -> None:
    layout = make_layout(job_of("encoder"))
    said = run(layout, 0)
    assert sorted(path.name for path in layout.model.iterdir()) == [
        "history.csv", "model.json", "model.safetensors", "train.json",
    ]  # fmt: skip
    assert not load(layout.model).training
    took = json.loads((layout.model / "train.json").read_text())
    assert (took["job"], took["epochs"], took["threads"]) == ("0" * 16, 3, 1)
    assert [epoch.epoch for epoch in read_csv(layout.model / "history.csv")] == [1, 2, 3]
    assert said.count("epoch ") == 3
    assert not layout.failure.exists()


def test_sigterm_leaves_a_checkpoint_and_the_next_attempt_goes_on(job_of, make_layout: Make) -> None:
    layout = make_layout(job_of("encoder", epochs=200))
    process = start(layout)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("epoch   1")
    process.send_signal(signal.SIGTERM)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 143, rest
    (kept,) = steps(layout.checkpoints)
    step = int(kept.name.removeprefix("step-"))
    assert f"stopped after step {step}, as asked" in rest
    again = start(layout)
    assert again.stdout is not None
    assert again.stdout.readline() == f"goes on from step {step}\n"
    first = int(again.stdout.readline().split()[1])
    again.kill()
    again.communicate()
    assert first > 1


def test_sigterm_after_the_end_changes_nothing(job_of, make_layout: Make, tmp_path: Path) -> None:
    # what is left is taken down after Python has given signals back to the system
    last = (
        "import os, signal\nclass Last:\n    def __del__(self, kill=os.kill, pid=os.getpid()):\n        kill(pid, 15)\n"
    )
    (tmp_path / "sitecustomize.py").write_text(f"{last}last = Last()\n")
    layout = make_layout(job_of("bag", epochs=1))
    process = start(layout, PYTHONPATH=str(tmp_path))
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
    assert layout.done()


@pytest.mark.slow
def test_sigterm_on_a_full_disk_promises_no_more_than_is_kept(job_of, make_layout: Make) -> None:
    def stopped(full: bool) -> str:
        process = start(layout)
        assert process.stdout is not None
        while not process.stdout.readline().startswith("epoch"):
            assert process.poll() is None
        if full:
            # no file may be larger than this, which looks the same to the one who writes it
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 143, rest
        return rest

    layout = make_layout(job_of("encoder", epochs=200))
    said = stopped(full=True)
    assert "the disk is full" in said
    assert "as asked, but no checkpoint could be written: the next attempt begins anew" in said
    assert "goes on from there" not in said
    assert stopped(full=False)
    (kept,) = steps(layout.checkpoints)
    step = int(kept.name.removeprefix("step-"))
    assert f"could be written: the next attempt goes on from step {step}\n" in stopped(full=True)


def test_an_error_of_the_user_ends_with_2_and_its_words(job_of, make_layout: Make) -> None:
    layout = make_layout(job_of("encoder", model={"lr": 1.0}, weight_decay=10.0, clip_norm=None, epochs=60))
    assert "error: the loss is not a number at step" in run(layout, 2)
    assert layout.failure.read_text().startswith("the loss is not a number at step")


def test_any_other_error_ends_with_1_and_its_traceback(job_of, make_layout: Make) -> None:
    layout = make_layout(job_of())
    layout.checkpoints.write_text("a file where a folder must stand")
    run(layout, 1)
    assert "Error" in layout.failure.read_text().splitlines()[-1]


@pytest.mark.parametrize("content", [None, "{}", '{"job": "{}"}', "half {"])
def test_a_folder_without_a_job_is_told_as_such(tmp_path: Path, content: str | None) -> None:
    layout = Layout(tmp_path)
    if content is not None:
        layout.hyperparameters.parent.mkdir(parents=True)
        layout.hyperparameters.write_text(content)
    assert "hyperparameters.json" in run(layout, 2)
    assert "hyperparameters.json" in layout.failure.read_text()


def test_a_full_disk_under_the_log_stops_nothing(make_layout: Make, job_of) -> None:
    layout = make_layout(job_of(epochs=1))
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "slipway.training.entry", str(layout.root)]
        assert subprocess.run(command, stdout=full, stderr=full, timeout=120, check=False).returncode == 0
    assert layout.done()


@pytest.mark.slow
def test_a_result_that_was_damaged_is_none(make_layout: Make, job_of) -> None:
    layout = make_layout(job_of(epochs=1))
    run(layout, 0)
    before = {path.name: path.read_bytes() for path in layout.model.iterdir()}
    for name in ("history.csv", "model.json", "model.safetensors", "train.json"):
        path = layout.model / name
        path.write_bytes(path.read_bytes()[:-3])
        assert not layout.done(), name
        run(layout, 0)
        assert layout.done(), name
        assert (layout.model / "model.safetensors").read_bytes() == before["model.safetensors"]


def test_the_reason_of_an_earlier_attempt_is_gone(job_of, make_layout: Make) -> None:
    layout = make_layout(job_of(epochs=1))
    layout.write_failure("what went wrong before " * 1000)
    assert len(layout.failure.read_text()) == 1024
    run(layout, 0)
    assert not layout.failure.exists()
