"""Occlusion finds the words that carry an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.evaluation.occlusion import MOST_PARTS, MOST_WORDS, carried, split
from slipway.predictor import Predictor


def test_the_word_that_says_it_carries_the_answer(predictor: Predictor) -> None:
    text = "Yellen says the Fed will watch it"
    (parts,) = carried(predictor, [text], [predictor.labels.index("business")])
    assert max(parts, key=lambda part: part.weight).text.strip() in ("Fed", "Yellen")
    assert "".join(part.text for part in parts) == text


def test_a_weight_is_the_probability_that_is_lost_without_the_part(predictor: Predictor) -> None:
    texts, labels = ["Apple sues Samsung", "Ebola spreads"], [3, 2]
    found = carried(predictor, texts, labels)
    whole, without = predictor.probabilities(texts), predictor.probabilities(["Apple Samsung", "spreads"])
    assert found[0][1].weight == pytest.approx(whole[0, 3] - without[0, 3], abs=1e-6)
    assert found[1][0].weight == pytest.approx(whole[1, 2] - without[1, 2], abs=1e-6)


def test_a_text_without_a_word_has_no_parts(predictor: Predictor) -> None:
    assert carried(predictor, [" ", "word"], [0, 0])[0] == []
    assert carried(predictor, [""], [0]) == [[]]
    assert carried(predictor, [], []) == []


@given(st.text(alphabet="ab \n\t", max_size=600))
def test_the_parts_join_to_the_beginning_of_the_text(text: str) -> None:
    parts = split(text)
    assert text.startswith("".join(parts))
    assert len(parts) <= MOST_PARTS
    assert sum(len(part.split()) for part in parts) == min(len(text.split()), MOST_WORDS)
