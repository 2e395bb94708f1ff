"""The gate blocks worse models and promotes better ones: linear models, trained on real text."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.config.gate import Baseline, GateConfig
from slipway.evaluation.baseline import baseline_answers
from slipway.evaluation.gate import Verdict, decide, some
from slipway.evaluation.predictions import Champion, Predictions

METRICS = {"ece": 0.03, "unchanged": {"case": 1.0, "typos": 0.9, "padding": 1.0, "batch": 1.0}}


@pytest.fixture(scope="module")
def banking(banking77: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    return tuple(pd.read_csv(banking77 / f"{part}.csv") for part in ("train", "test"))


@pytest.fixture(scope="module")
def answers(banking: tuple[pd.DataFrame, pd.DataFrame]) -> Callable[[float], Predictions]:
    """What a linear model says that was trained on this share of banking77's training rows (answered once each)."""
    train, test = banking
    labels, known = tuple(sorted(train["category"].unique())), {}

    def trained(share: float) -> Predictions:
        if share not in known:
            some_rows = train.sample(frac=share, random_state=0)
            found = baseline_answers(
                some_rows["text"].tolist(),
                some_rows["category"].tolist(),
                test["text"].tolist(),
                labels,
                Baseline(ngrams=1, c=1.0),
            )
            powers = np.exp(found.scores - found.scores.max(axis=1, keepdims=True))
            known[share] = Predictions(
                labels=labels,
                texts=tuple(test["text"]),
                origins=tuple(map(str, test.index)),
                truth=test["category"].to_numpy(dtype=str),
                probabilities=(powers / powers.sum(axis=1, keepdims=True)).astype(np.float32),
                baseline=found.predicted,
            )
        return known[share]

    return trained


def against(candidate: Predictions, baseline: Predictions, champion: Predictions | None = None) -> Predictions:
    """The candidate's predictions beside those of its opponents."""
    opponent = champion and Champion("0" * 32 + ".dir", champion.labels, champion.predicted)
    return replace(candidate, baseline=baseline.predicted, champion=opponent)


Decide = Callable[..., Verdict]


@pytest.fixture
def decided(package: dict[str, Any], gate_config: Callable[..., GateConfig]) -> Decide:
    def call(predictions: Predictions, metrics: dict[str, Any] = METRICS, **changes: object) -> Verdict:
        return decide(predictions, metrics, package, gate_config(**changes))

    return call


def test_a_model_that_is_better_than_both_promotes(answers, decided: Decide) -> None:
    verdict = decided(against(answers(1.0), answers(0.5), answers(0.7)))
    assert verdict.verdict == "promote"
    assert [each.outcome for each in verdict.comparisons] == ["better", "better"]


def test_a_model_that_is_worse_than_the_baseline_is_blocked(answers, decided: Decide) -> None:
    verdict = decided(against(answers(0.5), answers(1.0)))
    assert verdict.verdict == "block"
    assert verdict.reasons[0].startswith("Worse than the baseline: accuracy -")


def test_a_model_that_is_worse_than_the_champion_is_blocked_though_it_beats_the_baseline(
    answers, decided: Decide
) -> None:
    verdict = decided(against(answers(0.7), answers(0.4), answers(1.0)))
    assert verdict.verdict == "block"
    assert verdict.reasons[0].startswith("Worse than the champion")
    assert verdict.reasons[1].startswith("Better than the baseline")


@pytest.mark.parametrize("says", ["promote", "keep", "block"])
@pytest.mark.parametrize("opponent", ["champion", "baseline"])
def test_what_cannot_be_told_apart_is_what_the_configuration_says(
    answers, decided: Decide, opponent: str, says: str
) -> None:
    close, far = answers(0.98), answers(0.5)
    predictions = against(answers(1.0), far, close) if opponent == "champion" else against(answers(1.0), close, far)
    verdict = decided(predictions, on_tie={"champion": "promote", "baseline": "promote", opponent: says})
    assert verdict.verdict == says
    assert any(
        reason.startswith(f"Not distinguishable from the {opponent}") and f"says {says}" in reason
        for reason in verdict.reasons
    )


def test_the_very_same_answers_are_a_tie(answers, decided: Decide) -> None:
    verdict = decided(against(answers(1.0), answers(0.5), answers(1.0)))
    champion = verdict.comparisons[0]
    assert (champion.outcome, champion.mcnemar.p_value, champion.difference.p_value) == ("tie", 1.0, 1.0)
    assert verdict.verdict == "keep"


def test_a_model_without_a_champion_promotes_and_says_so(answers, decided: Decide) -> None:
    verdict = decided(against(answers(1.0), answers(0.5)))
    assert verdict.verdict == "promote"
    assert "There is no champion yet." in verdict.reasons


def test_worse_macro_f1_blocks_though_accuracy_is_not_worse(answers, decided: Decide) -> None:
    """A model that gives up the rare classes and wins as many rows elsewhere."""
    labels = ("rare", "common")
    truth = np.array(["rare"] * 60 + ["common"] * 940)
    baseline, candidate = truth.copy(), truth.copy()
    baseline[100:150] = "rare"
    candidate[:50] = "common"
    probabilities = np.stack([candidate == label for label in labels], axis=1).astype(np.float32)
    predictions = Predictions(labels, ("",) * 1000, ("",) * 1000, truth, probabilities, baseline)
    verdict = decided(predictions)
    assert verdict.comparisons[0].mcnemar.p_value == 1
    assert verdict.comparisons[0].difference.high < 0
    assert verdict.verdict == "block"


def test_better_accuracy_does_not_make_up_for_worse_macro_f1(decided: Decide) -> None:
    labels = ("rare", "common", "other")
    truth = np.array(["rare"] * 60 + ["common"] * 940)
    baseline = truth.copy()
    baseline[100:250] = "other"
    probabilities = np.tile(np.array([[0, 1, 0]], np.float32), (1000, 1))
    predictions = Predictions(labels, ("",) * 1000, ("",) * 1000, truth, probabilities, baseline)
    verdict = decided(predictions)
    found = verdict.comparisons[0]
    assert found.accuracy > found.accuracy_opponent
    assert found.mcnemar.p_value < 0.05
    assert (found.outcome, verdict.verdict) == ("worse", "block")


@pytest.mark.parametrize(
    ("budget", "most", "reason"),
    [
        ("latency_ms", 0.3, "latency in ms: 0.34 is over the budget of 0.3."),
        ("size_mb", 1.2, "size in MB: 1.235 is over the budget of 1.2."),
        ("calibration_error", 0.02, "calibration error: 0.03 is over the budget of 0.02."),
    ],
)
def test_a_budget_that_is_broken_blocks_the_best_model(
    answers, decided: Decide, gate_config, budget: str, most: float, reason: str
) -> None:
    predictions, budgets = against(answers(1.0), answers(0.5)), gate_config().budgets.model_dump()
    verdict = decided(predictions, budgets=budgets | {budget: most})
    assert verdict.verdict == "block"
    assert verdict.reasons[0] == reason
    assert decided(predictions, budgets=budgets | {budget: None}).verdict == "promote"


def test_a_label_that_changes_with_its_batch_blocks(answers, decided: Decide) -> None:
    unchanged = METRICS["unchanged"] | {"batch": 0.99}
    verdict = decided(against(answers(1.0), answers(0.5)), METRICS | {"unchanged": unchanged})
    assert verdict.verdict == "block"
    assert "change with their batch: 0.01" in verdict.reasons[0]


def test_a_champion_with_other_classes_is_compared_by_name_and_told_so(answers, decided: Decide) -> None:
    candidate = answers(1.0)
    champion = answers(0.98)
    rename = np.char.replace(champion.predicted, "card_arrival", "card_came")
    labels = tuple(sorted("card_came" if label == "card_arrival" else label for label in champion.labels))
    predictions = replace(
        against(candidate, answers(0.5)), champion=Champion("0" * 32 + ".dir", labels, np.asarray(rename))
    )
    found = decided(predictions).comparisons[0]
    assert (found.unknown, found.retired) == (("card_arrival",), ("card_came",))
    right = (champion.predicted == candidate.truth) & (candidate.truth != "card_arrival")
    assert found.accuracy_opponent == pytest.approx(right.mean())
    assert any("does not know card_arrival" in reason for reason in decided(predictions).reasons)
    assert any("It knows card_came" in reason for reason in decided(predictions).reasons)


def test_the_verdict_is_the_same_twice(answers, decided: Decide) -> None:
    predictions = against(answers(1.0), answers(0.9), answers(0.95))
    assert decided(predictions) == decided(predictions)


def test_many_names_are_cut_short() -> None:
    assert some(("a", "b")) == "a, b"
    assert some(tuple("abcdefg")) == "a, b, c, d, e and 2 more"
