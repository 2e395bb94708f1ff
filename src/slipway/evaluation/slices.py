"""How the model does on parts of the test rows: short and long texts, rare classes, words that training hardly saw."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slipway.evaluation.predictions import Predictions
from slipway.metrics import Interval, interval

WORD = re.compile(r"\w+")
RARE = 3


@dataclass(frozen=True)
class Slice:
    """Some of the test rows: the bundle's accuracy with its interval, and the baseline's."""

    group: str
    name: str
    rows: int
    accuracy: Interval
    baseline: float


def slices(
    predictions: Predictions,
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    resamples: int = 1000,
    seed: int = 0,
) -> list[Slice]:
    """The slices that hold a row, in groups that each cover all rows."""
    right, baseline = predictions.predicted == predictions.truth, predictions.baseline == predictions.truth
    words = [words_of(text) for text in predictions.texts]
    found = []
    for group, name, member in [
        *by_length(words),
        *by_class_size(predictions, train_labels),
        *by_rare_words(words, train_texts),
    ]:
        rows = int(member.sum())
        if rows:
            share = float(right[member].mean())
            draws = np.random.default_rng(seed).binomial(rows, share, resamples) / rows
            found.append(Slice(group, name, rows, interval(share, draws, 0.95), float(baseline[member].mean())))
    return found


def words_of(text: str) -> list[str]:
    """The words of a text in lower case."""
    return WORD.findall(text.lower())


def by_length(words: Sequence[list[str]]) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Thirds of the rows by number of words."""
    lengths = np.array([len(each) for each in words])
    low, high = (int(bound) for bound in np.quantile(lengths, [1 / 3, 2 / 3]))
    yield "length", f"up to {low} words", lengths <= low
    if high > low:
        yield "length", f"{low + 1} to {high} words", (lengths > low) & (lengths <= high)
    yield "length", f"more than {high} words", lengths > high


def by_class_size(
    predictions: Predictions, train_labels: Sequence[str]
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Thirds of the classes by number of training rows."""
    sizes = Counter(train_labels)
    ordered = sorted(predictions.labels, key=lambda label: (sizes[label], label))
    for third, name in enumerate(("rarest", "middle", "largest")):
        members = ordered[third * len(ordered) // 3 : (third + 1) * len(ordered) // 3]
        which = f"the {name} class" if len(members) == 1 else f"the {len(members)} {name} classes"
        yield "class", which, np.isin(predictions.truth, members)


def by_rare_words(
    words: Sequence[list[str]], train_texts: Sequence[str]
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Rows by the rarest word in them, counted over the training texts."""
    counts = Counter(word for text in train_texts for word in words_of(text))
    rarest = np.array([min((counts[word] for word in each), default=0) for each in words])
    yield "words", "only words common in training", rarest >= RARE
    yield "words", f"a word seen fewer than {RARE} times in training", (rarest > 0) & (rarest < RARE)
    yield "words", "a word that training never saw", rarest == 0
