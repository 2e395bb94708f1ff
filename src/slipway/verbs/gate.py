"""`slipway gate`: promote, keep or block, with reasons, in reports/gate.json."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from slipway.config.compose import runtime
from slipway.config.gate import GateConfig
from slipway.config.resolved import read
from slipway.evaluation.gate import Verdict, decide
from slipway.evaluation.predictions import read_predictions
from slipway.files import read_json, write_json
from slipway.tracking import record
from slipway.training.history import read_csv

PREDICTIONS = Path("reports/predictions.parquet")
METRICS = Path("reports/metrics.json")
PACKAGE = Path("models/package.json")
GATE = Path("reports/gate.json")
BUNDLE = Path("models/bundle")
HISTORY = Path("models/train/history.csv")
TRAINED = Path("models/train/train.json")
META = Path("data/prepared/meta.json")
STYLE = {"promote": "bold green", "keep": "bold yellow", "block": "bold red"}


def run() -> int:
    """Write reports/gate.json and print the verdict; returns 1 where it is block and gate.enforce is true, else 0."""
    config = read("gate", GateConfig)
    predictions = read_predictions(PREDICTIONS)
    metrics, package = read_json(METRICS, "evaluate"), read_json(PACKAGE, "package")
    verdict = decide(predictions, metrics, package, config)
    champion = predictions.champion.bundle if predictions.champion else None
    write_json(GATE, rounded({**asdict(verdict), "champion": champion, "bundle": package["digest"]}))
    show(verdict, Console())
    version = track(metrics, {"bundle": package["digest"], "verdict": verdict.verdict})
    if version is not None:
        print(f"MLflow keeps it as {version}")
    return 1 if config.enforce and verdict.verdict == "block" else 0


def track(metrics: dict[str, Any], tags: dict[str, str]) -> str | None:
    """Complete the MLflow run that training began; returns the registered version's name, None where there is none."""
    return record(
        runtime().tracking,
        job=read_json(TRAINED, "train")["job"],
        parameters={section: read(section, dict[str, Any]) for section in ("data", "model", "train")},
        history=[asdict(epoch) for epoch in read_csv(HISTORY)],
        metrics={f"test_{key}": value for key, value in metrics.items() if isinstance(value, float)},
        tags=tags | {"data": read_json(META, "prepare")["data_sha256"]},
        files=[path for path in sorted(GATE.parent.rglob("*")) if path.is_file()],
        bundle=BUNDLE,
    )


def rounded(value: Any) -> Any:
    """The value with every float in it cut to six digits: enough to read, and no noise in git."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value


def show(verdict: Verdict, console: Console) -> None:
    """Print the verdict and its reasons."""
    console.print(Text(verdict.verdict.upper(), STYLE[verdict.verdict]))
    for reason in verdict.reasons:
        console.print(Text(f"- {reason}"))
