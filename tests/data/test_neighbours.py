"""Near-duplicates are found, and only those."""

import re
import time
from itertools import pairwise

import numpy as np
import pytest

from slipway.data.neighbours import groups


def jaccard(one: str, other: str) -> float:
    sets = []
    for text in (one, other):
        words = re.findall(r"\w+", text.lower())
        sets.append({*words, *pairwise(words)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    """Two thousand random texts, and for each of the first five hundred one with a word changed."""
    draw = np.random.default_rng(0)
    words = [f"w{n}" for n in range(3000)]
    texts = [" ".join(draw.choice(words, draw.integers(25, 41))) for _ in range(2000)]
    for text in texts[:500]:
        changed = text.split()
        changed[draw.integers(len(changed))] = "changed"
        texts.append(" ".join(changed))
    return texts


def test_texts_that_differ_in_one_word_share_a_group(corpus):
    group = groups(corpus, 0.8)
    assert np.mean(group[:500] == group[2000:]) > 0.97


def test_a_group_of_two_is_as_similar_as_was_asked_for(corpus):
    group = groups(corpus, 0.9)
    for number in np.flatnonzero(np.bincount(group) == 2):
        one, other = np.flatnonzero(group == number)
        assert jaccard(corpus[one], corpus[other]) >= 0.9


def test_unlike_texts_have_groups_of_their_own(corpus):
    assert len(np.unique(groups(corpus[:2000], 0.8))) == 2000


def test_case_and_punctuation_make_no_difference():
    assert len(set(groups(["The queue, deleted!", "the QUEUE deleted", "another thing"], 1.0))) == 2


@pytest.mark.parametrize("texts", [[], ["one"], ["!!!", "???"], ["a"] * 5])
def test_small_and_odd_inputs(texts):
    group = groups(texts, 0.8)
    assert len(group) == len(texts)
    assert len(set(group)) == len(set(texts))


def test_many_rows_take_seconds(corpus):
    draw = np.random.default_rng(1)
    words = corpus[0].split() + corpus[1].split()
    texts = [" ".join(draw.choice(words, 20)) for _ in range(27_000)]
    start = time.process_time()
    groups(texts, 0.8)
    assert time.process_time() - start < 10
