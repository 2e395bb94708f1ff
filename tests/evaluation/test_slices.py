"""Slices cover the test rows, and find where a model is weak."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from slipway.evaluation.findings import Findings
from slipway.evaluation.predictions import Predictions
from slipway.evaluation.slices import slices, wilson


def test_each_group_covers_every_row_once(findings: Findings) -> None:
    for group in ("length", "class", "words"):
        members = [each for each in findings.slices if each.group == group]
        assert sum(each.rows for each in members) == len(findings.predictions.texts)
        assert len(members) == 3


def test_an_interval_holds_its_share(findings: Findings) -> None:
    for each in findings.slices:
        assert 0 <= each.accuracy.low <= each.accuracy.value <= each.accuracy.high <= 1


def test_an_interval_is_wilsons() -> None:
    for right, rows in [(0, 1), (1, 1), (0, 40), (40, 40), (7, 9), (90, 91), (2500, 5000)]:
        found, known = wilson(right, rows), binomtest(right, rows).proportion_ci(0.95, method="wilson")
        assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-12)
        assert found.low <= found.value == right / rows <= found.high


def test_one_row_says_little_of_a_share() -> None:
    assert wilson(1, 1).low == pytest.approx(0.2065, abs=1e-4)
    assert (wilson(1, 1).high, wilson(0, 1).low) == (1, 0)


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ({"a": 5}, {"the only class": 1}),
        ({"a": 5, "b": 2}, {"the rarer class": 1, "the larger class": 1}),
        ({"a": 5, "b": 5}, {"the 2 classes, of one size": 2}),
        ({"a": 5, "b": 2, "c": 9}, {"the rarest class": 1, "the middle class": 1, "the largest class": 1}),
        ({"a": 5, "b": 2, "c": 9, "d": 9}, {"the rarest class": 1, "the middle class": 1, "the 2 largest classes": 2}),
    ],
)
def test_classes_are_named_by_their_size(sizes: dict[str, int], names: dict[str, int]) -> None:
    labels = tuple(sorted(sizes))
    truth = np.array(labels)
    rows = Predictions(labels, ("text",) * len(labels), labels, truth, np.eye(len(labels), dtype=np.float32), truth)
    found = slices(rows, ["text"], [label for label, rows in sizes.items() for _ in range(rows)])
    assert {each.name: each.rows for each in found if each.group == "class"} == names


def test_headlines_of_common_words_are_easier_than_those_with_new_words(findings: Findings) -> None:
    common, _, new = (each for each in findings.slices if each.group == "words")
    assert common.accuracy.low > new.accuracy.value


def test_a_model_that_fails_on_one_class_is_seen_in_its_slice(findings: Findings, news) -> None:
    predictions = findings.predictions
    rarest = news.train["label"].value_counts().index[-1]
    answers = predictions.truth_index.copy()
    answers[predictions.truth == rarest] = (answers[predictions.truth == rarest] + 1) % len(predictions.labels)
    blind = replace(predictions, probabilities=np.eye(len(predictions.labels), dtype=np.float32)[answers])
    found = slices(blind, news.train["text"].tolist(), news.train["label"].tolist())
    by_class = [each.accuracy.value for each in found if each.group == "class"]
    assert by_class == [0, 1, 1]


def test_texts_of_one_length_make_one_slice(findings: Findings, news) -> None:
    predictions = replace(findings.predictions, texts=("three short words",) * len(findings.predictions.texts))
    found = slices(predictions, ["three short words"] * 5, ["business"] * 5)
    assert [each.name for each in found if each.group == "length"] == ["up to 3 words"]
    assert [each.name for each in found if each.group == "words"] == ["only words common in training"]
