"""The report: one HTML file that holds all it shows, and no more of the outside than a file on disk."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from slipway.config.card import Card
from slipway.evaluation import charts
from slipway.evaluation.findings import Findings
from slipway.evaluation.gate import Comparison, Verdict
from slipway.evaluation.mistakes import confused
from slipway.evaluation.predictions import Predictions, indices
from slipway.metrics import Interval, bootstrap_intervals, confusion, per_class, reliability
from slipway.training.epoch import EpochMetrics

FIGURES = {"accuracy": "Accuracy", "macro_f1": "Macro-F1"}
# figures of an epoch and what the line is called
CURVES = {
    "Loss": {"train_loss": "training", "log_loss": "validation"},
    "On the validation rows": {"accuracy": "accuracy", "macro_f1": "macro-F1"},
}


@dataclass(frozen=True)
class ClassRow:
    """A class in the report's table."""

    label: str
    precision: float
    recall: float
    f1: float
    baseline_f1: float
    support: int


def render(findings: Findings, manifest: Mapping[str, Any], history: Sequence[EpochMetrics], card: Card) -> str:
    """The page. Every text that comes from data or configuration is escaped.

    `manifest` is the bundle's.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "signed": signed, "name": name}
    predictions = findings.predictions
    truth = predictions.truth_index
    counts = confusion(truth, predictions.probabilities.argmax(axis=1), len(predictions.labels))
    return environment.get_template("report.html.j2").render(
        found=findings,
        manifest=manifest,
        card=card,
        rows=len(truth),
        champion=next((each for each in findings.verdict.comparisons if each.opponent == "champion"), None),
        baseline=next(each for each in findings.verdict.comparisons if each.opponent == "baseline"),
        forests=[(title, forest(findings, name)) for name, title in FIGURES.items()],
        classes=sorted(class_rows(predictions), key=lambda row: (row.f1, row.label)),
        confusion=charts.confusion(counts, predictions.labels),
        confused=confused(predictions),
        reliability=charts.reliability(reliability(truth, predictions.probabilities)),
        curves=curves(history),
        headline=headline(findings.verdict),
    )


def forest(findings: Findings, figure: str) -> Markup:
    """The model, the champion and the baseline with their intervals on one scale."""
    metrics, predictions = findings.metrics, findings.predictions
    rows = [("model", "model", stored(metrics, figure))]
    if champion := predictions.champion:
        names = tuple(sorted({*predictions.labels, *champion.labels}))
        truth, predicted = (indices(each, names) for each in (predictions.truth, champion.predicted))
        found = bootstrap_intervals(truth, predicted, len(names), findings.resamples, findings.seed)
        rows.append(("champion", "champion", found[figure]))
    rows.append(("baseline", "baseline", stored(metrics["baseline"], figure)))
    return charts.intervals(rows, f"{FIGURES[figure]} with 95 % intervals")


def stored(metrics: Mapping[str, float], figure: str) -> Interval:
    """A figure of metrics.json with its bounds."""
    return Interval(metrics[figure], metrics[f"{figure}_low"], metrics[f"{figure}_high"])


def class_rows(predictions: Predictions) -> list[ClassRow]:
    """Precision, recall and F1 of every class beside the baseline's F1."""
    truth, classes = predictions.truth_index, len(predictions.labels)
    found = per_class(truth, predictions.probabilities.argmax(axis=1), classes)
    linear = per_class(truth, indices(predictions.baseline, predictions.labels), classes)
    return [
        ClassRow(
            label,
            float(found.precision[row]),
            float(found.recall[row]),
            float(found.f1[row]),
            float(linear.f1[row]),
            int(found.support[row]),
        )
        for row, label in enumerate(predictions.labels)
    ]


def curves(history: Sequence[EpochMetrics]) -> list[tuple[str, Markup]]:
    """The figures of the epochs, some to a plot."""
    epochs = [metrics.epoch for metrics in history]
    return [
        (
            title,
            charts.curves(
                epochs, {line: [getattr(each, name) for each in history] for name, line in names.items()}, title
            ),
        )
        for title, names in CURVES.items()
    ]


def headline(verdict: Verdict) -> str:
    """The verdict in a few words."""
    return {
        "promote": "Promote: this model may go into production",
        "keep": "Keep the champion: this model is not shown to be better",
        "block": "Block: this model must not go into production",
    }[verdict.verdict]


def name(content: str) -> Markup:
    """A name from data as a line takes it: one that runs from right to left reorders nothing around it.

    It may break after `_`, `.`, `/` and `-`, so that a narrow page does not break it within a word.
    """
    return Markup("<bdi>{}</bdi>").format(Markup("<wbr>").join(re.split(r"(?<=[_./-])", content)))


def percent(value: float, digits: int = 1) -> str:
    """A share in percent, which no line breaks."""
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


def signed(comparison: Comparison, figure: str) -> str:
    """How far the model is from an opponent, in percentage points."""
    gaps = {
        "accuracy": comparison.accuracy - comparison.accuracy_opponent,
        "macro_f1": comparison.difference.value,
    }
    return f"{100 * gaps[figure]:+.2f}"
