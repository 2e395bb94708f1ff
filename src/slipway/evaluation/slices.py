"""How the model does on parts of the test rows: short and long texts, rare classes, words that training hardly saw."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from slipway.evaluation.predictions import Predictions
from slipway.metrics import Interval

WORD = re.compile(r"\w+")
RARE = 3
Z = NormalDist().inv_cdf(0.975)


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
            accuracy = wilson(int(right[member].sum()), rows)
            found.append(Slice(group, name, rows, accuracy, float(baseline[member].mean())))
    return found


def wilson(right: int, rows: int) -> Interval:
    """A share of few rows and its 95 % score interval, which has a width even where all or none are right.

    E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (158), 1927, p. 209-212.
    """

    def low(count: int) -> float:
        return (2 * count + Z**2 - Z * sqrt(Z**2 + 4 * count * (rows - count) / rows)) / (2 * (rows + Z**2))

    return Interval(right / rows, low(right), 1 - low(rows - right))


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
    """Thirds of the classes by number of training rows; of two classes, each; all where none is larger."""
    sizes = Counter(train_labels)
    ordered = sorted(predictions.labels, key=lambda label: (sizes[label], label))
    if len({sizes[label] for label in ordered}) == 1:
        which = "the only class" if len(ordered) == 1 else f"the {len(ordered)} classes, of one size"
        yield "class", which, np.ones(len(predictions.truth), dtype=np.bool_)
        return
    names = ("rarer", "larger") if len(ordered) == 2 else ("rarest", "middle", "largest")
    for place, name in enumerate(names):
        members = ordered[place * len(ordered) // len(names) : (place + 1) * len(ordered) // len(names)]
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
