"""What a pull request's code hands over is data: exactly as it must be, or refused with the reason."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.delivery.report.handover import COMMITTED, Report, md5, read, to_json
from slipway.errors import UserError

CHAMPION = f"{'c' * 32}.dir"
FIGURES = {f"{name}{bound}": 0.5 for name in ("accuracy", "macro_f1") for bound in ("", "_low", "_high")}


def contents() -> dict[str, Any]:
    """The files of a good handover but dvc.lock, as values."""
    return {
        "champion.json": {"bundle": CHAMPION},
        "resolved.yaml": {"train": {"epochs": 5}},
        "reports/metrics.json": {**FIGURES, "rows": 10, "baseline": FIGURES, "of_ours": [1]},
        "reports/gate.json": {
            "verdict": "keep",
            "reasons": ["Not distinguishable from the champion."],
            "budgets": [],
            "champion": CHAMPION,
            "bundle": "b" * 64,
            "comparisons": [],
        },
    }


def lock_of(texts: dict[str, str]) -> str:
    def of(name: str) -> list[dict[str, str]]:
        return [{"path": name, "hash": "md5", "md5": md5(texts[name])}]

    stages = {
        "compose": {"outs": of("resolved.yaml")},
        "package": {"outs": [{"path": "models/bundle", "md5": f"{'a' * 32}.dir"}]},
        "evaluate": {"deps": of("champion.json"), "outs": of("reports/metrics.json")},
        "gate": {"outs": of("reports/gate.json")},
    }
    return yaml.safe_dump({"schema": "2.0", "stages": stages})


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """Writes a handover that is good but for what is given: a file's value, its text, or None to leave it out."""

    def make(given: dict[str, Any] | None = None, report: Any = None) -> Path:
        folder = tmp_path / "handover"
        values = contents() | {name: value for name, value in (given or {}).items() if not isinstance(value, str)}
        texts = {name: json.dumps(value) for name, value in values.items() if value is not None}
        texts |= {name: value for name, value in (given or {}).items() if isinstance(value, str)}
        if set(contents()) <= set(texts):
            texts.setdefault("dvc.lock", lock_of(texts))
        told = Report(version=1, outcome="reported").model_dump(mode="json") if report is None else report
        for name, text in {**texts, "report.json": told if isinstance(told, str) else json.dumps(told)}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    return make


def test_a_good_handover_is_read_whole(pack: Callable[..., Path]) -> None:
    found = read(pack())
    assert set(found.files) == set(COMMITTED)
    assert found.gate
    assert found.gate.verdict == "keep"
    assert found.metrics
    assert found.metrics.baseline.figures().accuracy.value == 0.5
    assert found.resolved == {"train": {"epochs": 5}}


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
