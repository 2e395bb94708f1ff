"""The figures of `metrics.json`: the bundle's, and the baseline's on the same rows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slipway.config.gate import GateConfig
from slipway.evaluation.behaviour import Check
from slipway.evaluation.predictions import Predictions, indices
from slipway.metrics import Indices, bootstrap_intervals, ece, log_loss, roc_auc

DIGITS = 6


def figures(
    predictions: Predictions,
    baseline_scores: NDArray[np.float64],
    checks: Sequence[Check],
    config: GateConfig,
) -> dict[str, Any]:
    """What `metrics.json` holds; the same predictions give the same bytes. An undefined figure is left out."""
    truth, probabilities = predictions.truth_index, predictions.probabilities
    classes = len(predictions.labels)
    return {
        "rows": len(truth),
        **with_intervals(truth, probabilities.argmax(axis=1), classes, config),
        **defined({"roc_auc": roc_auc(truth, probabilities)}),
        **defined({"log_loss": log_loss(truth, probabilities), "ece": ece(truth, probabilities)}),
        "baseline": {
            **with_intervals(truth, indices(predictions.baseline, predictions.labels), classes, config),
            **defined({"roc_auc": roc_auc(truth, baseline_scores)}),
        },
        "unchanged": defined({check.name: check.unchanged for check in checks}),
    }


def with_intervals(truth: Indices, predicted: Indices, classes: int, config: GateConfig) -> dict[str, float]:
    """Accuracy and macro-F1, each with the bounds of its 95 % interval as NAME_low and NAME_high."""
    found = bootstrap_intervals(truth, predicted, classes, config.resamples, config.seed)
    return defined(
        {
            key: value
            for name, interval in found.items()
            for key, value in (
                (name, interval.value),
                (f"{name}_low", interval.low),
                (f"{name}_high", interval.high),
            )
        }
    )


def defined(values: Mapping[str, float]) -> dict[str, float]:
    """The values that are numbers, rounded."""
    return {name: round(float(value), DIGITS) for name, value in values.items() if not math.isnan(value)}
