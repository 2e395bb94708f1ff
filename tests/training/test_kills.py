"""Killed at any moment, training goes on to the same last bit: `make kill-test` tries 40 moments, the tests a few."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count

import pytest

from slipway.training.history import read_csv
from slipway.training.layout import Layout

KILLS = int(os.environ.get("SLIPWAY_KILLS", "4"))
FIGURES = ("epoch", "step", "lr", "train_loss", "accuracy", "macro_f1", "log_loss")


def attempt(layout: Layout, seconds: float | None = None, by: signal.Signals = signal.SIGKILL) -> int:
    """Run the job, and end it after so many seconds; returns its exit status."""
    command = [sys.executable, "-m", "slipway.training.entry", str(layout.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(by)
        process.communicate()
    return process.returncode


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bag", "encoder"])
def test_weights_and_metrics_are_those_of_a_run_that_nobody_killed(
    job_of, make_layout: Callable[..., Layout], kind: str
) -> None:
    whole = make_layout(job_of(kind, epochs=6), "whole")
    began = time.monotonic()
    assert attempt(whole) == 0
    longest = time.monotonic() - began
    dice, killed = random.Random(0), 0  # noqa: S311  # repeatable, and no secret
    for training in count():
        # every other one writes a checkpoint after each update, and so is mostly killed while it writes
        layout = make_layout(job_of(kind, minutes=0 if training % 2 else 0.005, epochs=6), f"training-{training}")
        while (status := attempt(layout, dice.uniform(0, longest), dice.choice((signal.SIGKILL, signal.SIGTERM)))) != 0:
            assert status in (-signal.SIGKILL, -signal.SIGTERM, 143)
            killed += 1
        assert (layout.model / "model.safetensors").read_bytes() == (whole.model / "model.safetensors").read_bytes()
        histories = [read_csv(each.model / "history.csv") for each in (layout, whole)]
        for name in FIGURES:
            first, second = ([getattr(epoch, name) for epoch in history] for history in histories)
            assert first == second
        if killed >= KILLS // 2:
            break
    print(f"{kind}: killed {killed} times in {training + 1} trainings; each ended with the same bytes")
