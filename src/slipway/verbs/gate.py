"""`slipway gate`: promote, keep or block, with reasons, in reports/gate.json."""

from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from slipway.config.gate import GateConfig
from slipway.config.resolved import read
from slipway.evaluation.gate import Verdict, decide
from slipway.evaluation.predictions import read_predictions
from slipway.evaluation.results import read_result
from slipway.files import write_json

PREDICTIONS = Path("reports/predictions.parquet")
METRICS = Path("reports/metrics.json")
PACKAGE = Path("models/package.json")
GATE = Path("reports/gate.json")
STYLE = {"promote": "bold green", "keep": "bold yellow", "block": "bold red"}


def run() -> int:
    """Write reports/gate.json and print the verdict; returns 1 where it is block and gate.enforce is true, else 0."""
    config = read("gate", GateConfig)
    predictions = read_predictions(PREDICTIONS)
    metrics, package = read_result(METRICS, "evaluate"), read_result(PACKAGE, "package")
    verdict = decide(predictions, metrics, package, config)
    champion = predictions.champion.bundle if predictions.champion else None
    write_json(GATE, {**asdict(verdict), "champion": champion, "bundle": package["digest"]})
    show(verdict, Console())
    return 1 if config.enforce and verdict.verdict == "block" else 0


def show(verdict: Verdict, console: Console) -> None:
    """Print the verdict and its reasons."""
    console.print(Text(verdict.verdict.upper(), STYLE[verdict.verdict]))
    for reason in verdict.reasons:
        console.print(Text(f"- {reason}"))
