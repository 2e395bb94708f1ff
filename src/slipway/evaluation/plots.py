"""The tables behind the plots, as `dvc plots` and `dvc plots diff` read them."""

from pathlib import Path

import pandas as pd

from slipway.evaluation.figures import DIGITS
from slipway.evaluation.findings import Findings
from slipway.evaluation.predictions import indices
from slipway.metrics import per_class, reliability


def plot_tables(findings: Findings) -> dict[str, pd.DataFrame]:
    """One table a plot: `confusion` has a row for each test row, the others a row for each point."""
    predictions = findings.predictions
    truth, answers = predictions.truth_index, predictions.probabilities.argmax(axis=1)
    classes = len(predictions.labels)
    found = per_class(truth, answers, classes)
    linear = per_class(truth, indices(predictions.baseline, predictions.labels), classes)
    bins = reliability(truth, predictions.probabilities)
    filled = bins.count > 0
    return {
        "confusion": pd.DataFrame({"actual": predictions.truth, "predicted": predictions.predicted}),
        "per_class": pd.DataFrame(
            {
                "label": predictions.labels,
                "precision": found.precision,
                "recall": found.recall,
                "f1": found.f1,
                "baseline_f1": linear.f1,
                "rows": found.support,
            }
        ),
        "reliability": pd.DataFrame(
            {
                "confidence": bins.confidence[filled],
                "accuracy": bins.accuracy[filled],
                "rows": bins.count[filled],
            }
        ),
        "slices": pd.DataFrame(
            [
                {
                    "slice": each.name,
                    "accuracy": each.accuracy.value,
                    "low": each.accuracy.low,
                    "high": each.accuracy.high,
                    "baseline": each.baseline,
                    "rows": each.rows,
                }
                for each in findings.slices
            ]
        ),
    }


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write each table as NAME.csv; the same tables give the same bytes."""
    for name, table in tables.items():
        table.round(DIGITS).to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
