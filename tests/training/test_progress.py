"""A person at a terminal sees how far training is; a log file does not."""

import io

from rich.console import Console

from slipway.training.epoch import EpochMetrics
from slipway.training.progress import Progress

EPOCH = EpochMetrics(3, 20, 0.1, 0.4321, 0.9123, 0.8, 0.3, 51_000.0, 2.0)


def shown(terminal: bool) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=160, color_system=None)
    with Progress(100, 10, "accuracy", console) as progress:
        progress.advance(20, 0.5)
        progress.epoch(EPOCH)
        progress.bar.refresh()  # it draws itself ten times a second, and this was quicker
    return file.getvalue()


def test_a_terminal_shows_loss_metric_and_time_left() -> None:
    text = shown(terminal=True)
    assert "epoch   3  loss 0.4321  accuracy 0.9123  51,000 tokens/s" in text
    assert "20/100" in text
    assert "loss 0.5000  accuracy 0.9123" in text
    assert "left" in text


def test_a_file_stays_empty() -> None:
    assert shown(terminal=False) == ""
