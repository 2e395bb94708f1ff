"""A person at a terminal sees how far a job is; a file gets what matters afterwards."""

import io

import pytest
from rich.console import Console

from slipway.compute.watch import Bar
from slipway.training.epoch import EpochMetrics
from slipway.training.progress import Progress

EPOCH = EpochMetrics(3, 20, 0.1, 0.4321, 0.9123, 0.8, 0.3, 51_000.0, 2.0)


def shown(lines: list[str], terminal: bool) -> str:
    file = io.StringIO()
    with Bar(Console(file=file, force_terminal=terminal, width=160, color_system=None)) as bar:
        bar.show(lines)
        bar.progress.refresh()  # it draws itself ten times a second, and this was quicker
    return file.getvalue()


def test_a_terminal_shows_loss_metric_and_time_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # one that moves its cursor, wherever the tests run
    progress = Progress(100, "accuracy")
    progress.epoch(EPOCH)
    progress.said = 0
    progress.advance(30, 0.25)
    text = shown(capsys.readouterr().out.splitlines(), terminal=True)
    assert "epoch   3  step 20/100  loss 0.4321  accuracy 0.9123  51,000 tokens/s" in text
    assert "30/100" in text
    assert "loss 0.2500  accuracy 0.9123" in text
    assert "left" in text


def test_a_file_gets_what_is_no_progress() -> None:
    assert shown(["step 30/100  loss 0.2500", "warning: [bold]the disk is full[/bold]"], terminal=False) == (
        "warning: [bold]the disk is full[/bold]\n"
    )
