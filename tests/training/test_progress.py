"""A job says how far it is, seldom enough for a log."""

import pytest

from slipway.training.epoch import EpochMetrics
from slipway.training.progress import EVERY_SECONDS, Progress

EPOCH = EpochMetrics(3, 20, 0.1, 0.4321, 0.9123, 0.8, 0.3, 51_000.0, 2.0)


def test_an_epoch_is_always_told(capsys: pytest.CaptureFixture[str]) -> None:
    Progress(100, "macro_f1").epoch(EPOCH)
    assert capsys.readouterr().out == "epoch   3  step 20/100  loss 0.4321  macro_f1 0.8000  51,000 tokens/s\n"


def test_a_step_is_told_when_the_last_word_is_some_time_ago(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(100, "accuracy")
    progress.advance(10, 0.5)
    assert capsys.readouterr().out == ""
    progress.said -= EVERY_SECONDS
    progress.advance(11, 0.5)
    progress.advance(12, 0.5)
    assert capsys.readouterr().out == "step 11/100  loss 0.5000\n"
