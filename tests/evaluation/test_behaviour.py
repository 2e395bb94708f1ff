"""Behavioural checks pass for an invariant bundle and catch one that is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.evaluation.behaviour import behaviour, typo
from slipway.predictor import Predictor


class Company(Predictor):
    """A bundle whose answers depend on what else is in the batch, as 8-bit activations can make them."""

    def run(self, tokens):
        return super().run(tokens) + np.eye(len(self.labels), dtype=np.float32)[len(tokens) % 2] * 1e3 * (
            len(tokens) > 1
        )


@pytest.fixture(scope="module")
def texts(news) -> list[str]:
    return news.test["text"].tolist()


def test_padding_batch_and_case_never_change_a_label_of_this_bundle(predictor: Predictor, texts: list[str]) -> None:
    checks = {check.name: check for check in behaviour(predictor, texts, rows=100)}
    assert list(checks) == ["case", "typos", "padding", "batch"]
    for name in ("case", "padding", "batch"):
        assert checks[name].unchanged == 1
        assert checks[name].largest_shift < 1e-5
        assert checks[name].flips == ()


def test_typos_change_some_labels_and_the_examples_show_which(predictor: Predictor, texts: list[str]) -> None:
    check = behaviour(predictor, texts, rows=300)[1]
    assert 0.8 < check.unchanged < 1
    flip = check.flips[0]
    assert flip.before != flip.after
    assert [answer["label"] for answer in predictor.predict([flip.before, flip.after])] == [
        flip.label_before,
        flip.label_after,
    ]


def test_a_bundle_that_minds_its_company_is_caught(bundle, texts: list[str]) -> None:
    checks = {check.name: check for check in behaviour(Company(bundle), texts, rows=20)}
    assert checks["padding"].unchanged < 1
    assert checks["batch"].unchanged < 1


def test_the_same_seed_draws_the_same_rows_and_typos(predictor: Predictor, texts: list[str]) -> None:
    assert behaviour(predictor, texts, seed=3, rows=50) == behaviour(predictor, texts, seed=3, rows=50)
    assert behaviour(predictor, texts, seed=3, rows=50) != behaviour(predictor, texts, seed=4, rows=50)


def test_fewer_texts_than_asked_for_are_all_tried(predictor: Predictor) -> None:
    assert [check.rows for check in behaviour(predictor, ["one", "two"])] == [2, 2, 2, 2]


@given(st.text(), st.integers(0, 2**32 - 1))
def test_a_typo_swaps_two_neighbours_or_does_nothing(text: str, seed: int) -> None:
    changed = typo(text, np.random.default_rng(seed))
    differing = [place for place, (one, other) in enumerate(zip(text, changed, strict=True)) if one != other]
    assert sorted(changed) == sorted(text)
    assert len(differing) in (0, 2)
    assert not differing or differing[1] - differing[0] == 1


def test_a_typo_leaves_the_first_letter_of_a_word_and_short_words() -> None:
    found = {typo("the market", np.random.default_rng(seed)) for seed in range(50)}
    assert found == {"the mraket", "the makret", "the marekt", "the markte"}
