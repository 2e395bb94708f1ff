"""All that is found out about a bundle: the test rows go through it once, and everything else follows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from slipway.config.gate import GateConfig
from slipway.evaluation.baseline import baseline_answers
from slipway.evaluation.behaviour import Check, behaviour
from slipway.evaluation.figures import figures
from slipway.evaluation.gate import Verdict, decide
from slipway.evaluation.mistakes import Mistake, mistakes
from slipway.evaluation.predictions import Champion, Predictions
from slipway.evaluation.slices import Slice, slices
from slipway.predictor import Predictor


@dataclass(frozen=True)
class Findings:
    """What evaluation found. `metrics` is the content of metrics.json, `package` of package.json.

    `resamples` and `seed` are the bootstrap's that made the intervals.
    """

    predictions: Predictions
    metrics: Mapping[str, Any]
    package: Mapping[str, Any]
    verdict: Verdict
    slices: tuple[Slice, ...]
    checks: tuple[Check, ...]
    mistakes: tuple[Mistake, ...]
    resamples: int
    seed: int


def find(
    predictor: Predictor,
    train: pd.DataFrame,
    test: pd.DataFrame,
    package: Mapping[str, Any],
    config: GateConfig,
    champion: tuple[str, Predictor] | None = None,
) -> Findings:
    """Measure a bundle on the rows of `test` (text, label, origin) beside a baseline trained on those of `train`.

    `champion` is a bundle's DVC hash and its predictor. Raises UserError for a label that the bundle does not know.
    """
    texts, labels = test["text"].tolist(), tuple(predictor.labels)
    train_texts, train_labels = train["text"].tolist(), train["label"].astype(str).tolist()
    linear = baseline_answers(train_texts, train_labels, texts, labels, config.baseline, config.seed)
    predictions = Predictions(
        labels=labels,
        texts=tuple(texts),
        origins=tuple(test["origin"].astype(str)),
        truth=test["label"].to_numpy(dtype=str),
        probabilities=predictor.probabilities(texts),
        baseline=linear.predicted,
    )
    if champion is not None:
        predictions = replace(predictions, champion=champion_answers(*champion, texts))
    checks = behaviour(predictor, texts, config.seed)
    metrics = figures(predictions, linear.scores, checks, config)
    return Findings(
        predictions=predictions,
        metrics=metrics,
        package=package,
        verdict=decide(predictions, metrics, package, config),
        slices=tuple(slices(predictions, train_texts, train_labels)),
        checks=tuple(checks),
        mistakes=tuple(mistakes(predictor, predictions)),
        resamples=config.resamples,
        seed=config.seed,
    )


def champion_answers(bundle: str, predictor: Predictor, texts: list[str]) -> Champion:
    """What the champion says of the same texts, by name."""
    best = predictor.probabilities(texts).argmax(axis=1)
    return Champion(bundle, tuple(predictor.labels), np.asarray(predictor.labels, dtype=str)[best])
