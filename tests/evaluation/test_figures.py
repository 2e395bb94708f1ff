"""metrics.json is complete, repeatable, and free of what varies from run to run."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from slipway.config.gate import GateConfig
from slipway.evaluation.figures import figures
from slipway.evaluation.findings import Findings, find
from slipway.predictor import Predictor


def test_the_figures_are_those_of_scikit_learn(findings: Findings) -> None:
    predictions, metrics = findings.predictions, findings.metrics
    assert metrics["rows"] == len(predictions.texts)
    assert metrics["accuracy"] == pytest.approx(accuracy_score(predictions.truth, predictions.predicted), abs=1e-6)
    macro_f1 = f1_score(predictions.truth, predictions.predicted, average="macro")
    assert metrics["macro_f1"] == pytest.approx(macro_f1, abs=1e-6)
    probabilities = predictions.probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert metrics["log_loss"] == pytest.approx(log_loss(predictions.truth, probabilities), abs=1e-5)
    assert metrics["roc_auc"] == pytest.approx(
        roc_auc_score(predictions.truth_index, probabilities, multi_class="ovr"),
        abs=1e-5,
    )
    assert metrics["baseline"]["accuracy"] == pytest.approx(
        (predictions.baseline == predictions.truth).mean(), abs=1e-6
    )
    assert metrics["accuracy_low"] < metrics["accuracy"] < metrics["accuracy_high"]


def test_two_runs_give_the_same_bytes(
    findings: Findings, news, predictor: Predictor, package, gate_config: Callable[..., GateConfig]
) -> None:
    slower = package | {"latency_ms": {name: {"p50": 9.0, "p90": 9.9} for name in package["latency_ms"]}}
    again = find(predictor, news.train, news.test, slower, gate_config())
    assert json.dumps(again.metrics) == json.dumps(findings.metrics)


def test_a_figure_that_is_not_defined_is_left_out(findings: Findings, gate_config: Callable[..., GateConfig]) -> None:
    rows = findings.predictions.truth == "business"
    predictions = findings.predictions
    one_class = replace(
        predictions,
        texts=tuple(np.array(predictions.texts)[rows]),
        truth=predictions.truth[rows],
        probabilities=predictions.probabilities[rows],
        baseline=predictions.baseline[rows],
    )
    metrics = figures(one_class, np.zeros((rows.sum(), 4)), findings.checks, gate_config())
    assert "roc_auc" not in metrics
    assert "roc_auc" not in metrics["baseline"]
    json.dumps(metrics, allow_nan=False)
