"""The linear baseline is strong, repeatable, and complete in its classes."""

import numpy as np
import pandas as pd
import pytest

from slipway.config.gate import Baseline
from slipway.errors import UserError
from slipway.evaluation.baseline import baseline_answers

CONFIG = Baseline(ngrams=2, c=1.0)


def test_it_reaches_what_is_known_of_banking77(banking77) -> None:
    train, test = (pd.read_csv(banking77 / f"{part}.csv") for part in ("train", "test"))
    answers = baseline_answers(
        train["text"].tolist(),
        train["category"].tolist(),
        test["text"].tolist(),
        sorted(train["category"].unique()),
        CONFIG,
    )
    assert (answers.predicted == test["category"].to_numpy()).mean() == pytest.approx(0.896, abs=0.004)


def test_it_gives_the_same_scores_twice_and_its_answer_is_the_highest_score(news) -> None:
    inputs = (news.train["text"].tolist(), news.train["label"].tolist(), news.test["text"].tolist(), news.labels)
    first, second = baseline_answers(*inputs, CONFIG), baseline_answers(*inputs, CONFIG)
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(np.asarray(news.labels)[first.scores.argmax(axis=1)], first.predicted)


def test_two_classes_have_two_columns_of_scores() -> None:
    answers = baseline_answers(
        ["good film", "bad film"] * 5, ["pos", "neg"] * 5, ["good", "bad"], ["neg", "pos"], CONFIG
    )
    assert answers.predicted.tolist() == ["pos", "neg"]
    assert answers.scores.argmax(axis=1).tolist() == [1, 0]


def test_a_class_without_training_rows_is_never_the_answer() -> None:
    answers = baseline_answers(["x", "y"] * 5, ["a", "c"] * 5, ["x", "y", "z"], ["a", "b", "c"], CONFIG)
    assert answers.scores.shape == (3, 3)
    assert set(answers.scores.argmax(axis=1)) <= {0, 2}


def test_texts_without_any_word_are_an_error_in_words() -> None:
    with pytest.raises(UserError, match="no training text holds a word"):
        baseline_answers(["!!!", "???"], ["a", "b"], ["!"], ["a", "b"], CONFIG)
