"""A handover as a folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.delivery.report.handover import Report, md5

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
