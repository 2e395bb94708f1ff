"""What a pull request's code hands over is data: exactly as it must be, or refused with the reason."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.delivery.report.hand_over import thinned
from slipway.delivery.report.handover import (
    COMMITTED,
    MOST_REPORT,
    Epoch,
    Report,
    read,
    to_json,
)
from slipway.errors import UserError
from slipway.training.epoch import EpochMetrics

from .conftest import contents, lock_of


def test_a_good_handover_is_read_whole(pack: Callable[..., Path]) -> None:
    found = read(pack())
    assert set(found.files) == set(COMMITTED)
    assert found.gate
    assert found.gate.verdict == "keep"
    assert found.metrics
    assert found.metrics.baseline.figures().accuracy.value == 0.5
    assert found.resolved == {"train": {"epochs": 5}}


def test_a_training_of_many_epochs_fits_into_its_report() -> None:
    epochs = [EpochMetrics(each, each, 1e-3, 1 / 3, 2 / 3, 2 / 3, 1 / 7, 1e5, each) for each in range(1, 10_001)]
    kept = thinned(epochs)
    assert (len(kept), kept[0], kept[-1]) == (1000, epochs[0], epochs[-1])
    assert [each.epoch for each in kept] == sorted({each.epoch for each in kept})
    history = tuple(Epoch(epoch=each.epoch, train_loss=each.train_loss, log_loss=each.log_loss) for each in kept)
    assert len(to_json(Report(version=1, outcome="reported", history=history))) < MOST_REPORT / 2
    assert thinned(epochs[:3]) == epochs[:3]


def test_a_failed_job_hands_over_no_file_to_commit(pack: Callable[..., Path]) -> None:
    told = Report(version=1, outcome="failed", reason="AlgorithmError")
    folder = pack(report=told.model_dump(mode="json"))
    assert read(folder).files == {}
    assert read(folder).gate is None


BAD: dict[str, tuple[dict[str, Any], Any, str]] = {
    "another gate than the lock's": ({"dvc.lock": lock_of(dict.fromkeys(contents(), ""))}, None, "describes another"),
    "a lock without a bundle": ({"dvc.lock": "stages: {}"}, None, "describes another"),
    "a lock that is a list": ({"dvc.lock": "- 1"}, None, "no mapping"),
    "a lock of aliases": ({"dvc.lock": "a: &a [1]\nb: [*a, *a]"}, None, "no plain YAML"),
    "a lock of Python objects": ({"dvc.lock": "!!python/object/apply:os.system [id]"}, None, "no plain YAML"),
    "another champion": ({"champion.json": {"bundle": None}}, None, "another champion"),
    "a champion that is none": ({"champion.json": {"bundle": "../x"}}, None, "bundle"),
    "more than a champion": ({"champion.json": {"bundle": None, "x": 1}}, None, "x"),
    "a verdict of its own": (
        {"reports/gate.json": contents()["reports/gate.json"] | {"verdict": "fine"}},
        None,
        "verd",
    ),
    "a share above one": ({"reports/metrics.json": contents()["reports/metrics.json"] | {"accuracy": 2}}, None, "accu"),
    "not a number": ({"reports/metrics.json": '{"accuracy": NaN}'}, None, "accuracy"),
    "text for a number": ({"reports/metrics.json": contents()["reports/metrics.json"] | {"ece": "0"}}, None, "ece"),
    "a file that is missing": ({"reports/metrics.json": None}, None, "missing"),
    "a file that is too large": ({"resolved.yaml": "a: " + "x" * (1 << 18)}, None, "are the most"),
    "more in the report": ({}, {"version": 1, "outcome": "failed", "number": 12}, "number"),
    "an outcome of its own": ({}, {"version": 1, "outcome": "good"}, "outcome"),
    "a report of another version": ({}, {"version": 2, "outcome": "failed"}, "version"),
    "a report that is too long": ({}, {"version": 1, "outcome": "failed", "reason": "x" * 4001}, "reason"),
    "a machine that is a link": (
        {},
        {
            "version": 1,
            "outcome": "failed",
            "training": {"machines": "[x](https://x)", "spot": True, "attempts": 1, "seconds": 1, "billed_seconds": 1},
        },
        "machines",
    ),
    "no JSON": ({}, "{", "all of it"),
    "half a surrogate": ({}, '{"version": 1, "outcome": "failed", "reason": "\\ud800"}', "report.json"),
    "a file of no handover": ({".github/workflows/ci.yml": "x"}, None, "no file of a handover"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_as_it_must_be_is_refused(name: str, pack: Callable[..., Path]) -> None:
    given, report, said = BAD[name]
    with pytest.raises(UserError, match=r"(?s)^the handover is refused: .*Nothing was committed\.$") as error:
        read(pack(given, report))
    assert said in str(error.value)
    assert "\n" not in str(error.value), "a line of its own could be a command to the runner"


@pytest.mark.parametrize("name", ["dvc.lock", "reports", "reports/gate.json", "report.json"])
def test_a_link_is_not_followed(name: str, pack: Callable[..., Path], tmp_path: Path) -> None:
    folder = pack()
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="a link"):
        read(folder)


def test_a_pipe_is_not_read(pack: Callable[..., Path]) -> None:
    folder = pack()
    (folder / "dvc.lock").unlink()
    os.mkfifo(folder / "dvc.lock")
    with pytest.raises(UserError, match="no file"):
        read(folder)


def test_a_report_is_read_as_it_was_written(pack: Callable[..., Path]) -> None:
    told = Report(version=1, outcome="stopped", reason="a\nb", log=("ü", ""))
    assert read(pack(report=to_json(told))).report == told
