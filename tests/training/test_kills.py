"""Killed at any moment, training goes on to the same last bit: `make kill-test` tries 40 moments, the tests a few."""

import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pytest

from slipway.training.checkpoint import last_step, latest, step_of, steps
from slipway.training.history import read_csv
from slipway.training.layout import Job, Layout

KILLS = int(os.environ.get("SLIPWAY_KILLS", "4"))
FIGURES = ("epoch", "step", "lr", "train_loss", "accuracy", "macro_f1", "log_loss")
# what ends the process, and whether a checkpoint is being written at that moment
WAYS = ((signal.SIGKILL, True), (signal.SIGTERM, False), (signal.SIGKILL, False), (signal.SIGTERM, True))
STATUS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143}


class Attempt:
    """A process that goes on with a training."""

    def __init__(self, layout: Layout) -> None:
        self.log = layout.root / "log.txt"
        command = [sys.executable, "-m", "slipway.training.entry", str(layout.root)]
        # a process that is killed leaves no word of what it covered, and takes a quarter longer to measure it
        environment = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)

    def wait(self, event: Callable[[], bool]) -> None:
        """Until the event, or the end of the process."""
        while self.process.poll() is None and not event():
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.001)

    def wait_seconds(self, seconds: float) -> None:
        """As `wait`, for so long."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)

    def caught(self, happens: Callable[[], bool]) -> bool:
        """Whether it happens; the process stands still then."""
        if not happens():
            return False
        self.process.send_signal(signal.SIGSTOP)
        if self.process.returncode is None:
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if not happens():
            self.process.send_signal(signal.SIGCONT)
            return False
        return True

    def end(self, by: signal.Signals) -> None:
        """Send the signal, also to a process that stands still."""
        self.process.send_signal(by)
        self.process.send_signal(signal.SIGCONT)

    def said(self, words: str = "") -> int:
        """The last step in the log, or the last after these words; 0 where there is none."""
        return max(map(int, re.findall(rf"{words}step (\d+)", self.log.read_text())), default=0)


def written(layout: Layout) -> int:
    """The step of the newest checkpoint that stands, whether it is good or not."""
    return max(map(step_of, steps(layout.checkpoints)), default=0)


def growing(layout: Layout) -> int:
    """The step of the checkpoint that is being written, or was when the process was killed; 0 where none is."""
    found = (re.match(r"\.step-(\d+)", path.name) for path in layout.checkpoints.glob(".*.new"))
    return max((int(name[1]) for name in found if name), default=0)


def over(layout: Layout) -> bool:
    """Whether all updates are done, and nothing but the result is to be written."""
    found = latest(layout.checkpoints)
    return found is not None and bool(found.state["finished"])


def kill(attempt: Attempt, layout: Layout, by: signal.Signals, while_writing: bool, dice: random.Random) -> None:
    """End an attempt after its first update, at a moment that `dice` throws; one that is done by then has ended.

    What was torn before is of the update after the newest checkpoint: one that is later than that is of this attempt.
    """
    kept = written(layout)
    seen = kept + dice.randint(1, 8)
    if while_writing:
        attempt.wait(lambda: attempt.caught(lambda: growing(layout) > seen))
    else:
        attempt.wait(lambda: written(layout) > kept)
        attempt.wait_seconds(dice.uniform(0, 0.4))
    attempt.end(by)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bag", "encoder"])
def test_weights_and_metrics_are_those_of_a_run_that_nobody_killed(
    job_of: Callable[..., Job], make_layout: Callable[..., Layout], kind: str
) -> None:
    whole = make_layout(job_of(kind, epochs=8), "whole")
    assert Attempt(whole).process.wait() == 0
    dice = random.Random(0)  # noqa: S311  # repeatable, and no secret
    killed = torn = again = trainings = 0
    while 2 * killed < KILLS:
        trainings += 1
        # a checkpoint after each update: one update is the most that may be done again
        layout = make_layout(job_of(kind, minutes=0, epochs=8), f"training-{trainings}")
        kept = 0
        while True:
            by, while_writing = WAYS[killed % len(WAYS)]
            attempt = Attempt(layout)
            if 2 * killed < KILLS:
                kill(attempt, layout, by, while_writing, dice)
            status = attempt.process.wait()
            assert attempt.said("goes on from ") == kept, "the next attempt knows all that was kept"
            if status == 0:
                break
            assert status == STATUS[by], attempt.log.read_text()
            done, kept = max(written(layout), growing(layout), attempt.said()), last_step(layout.checkpoints) or 0
            if by == signal.SIGTERM:
                assert done == kept == attempt.said("stopped after ")
            assert kept <= done <= kept + 1
            assert growing(layout) == done or not (while_writing and by == signal.SIGKILL)
            again += done - kept
            torn += growing(layout) > 0
            killed += not over(layout)
        assert (layout.model / "model.safetensors").read_bytes() == (whole.model / "model.safetensors").read_bytes()
        histories = [read_csv(each.model / "history.csv") for each in (layout, whole)]
        for name in FIGURES:
            first, second = ([getattr(epoch, name) for epoch in history] for history in histories)
            assert first == second
    print(
        f"{kind}: killed {killed} times in {trainings} trainings, {torn} times half of a checkpoint was left; "
        f"{again} updates were done again, and each training ended with the same bytes"
    )
