"""What a classifier is worth: pure functions over arrays.

`labels` and `predicted` are class indices of shape (rows,), `probabilities` and `scores` are of shape (rows, classes).
Empty or unequal arrays raise ValueError.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Indices: TypeAlias = NDArray[np.integer[Any]]
Floats: TypeAlias = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class PerClass:
    """One value a class, shape (classes,): fractions, and `support`, the number of rows of that class."""

    precision: Floats
    recall: Floats
    f1: Floats
    support: Indices


@dataclass(frozen=True)
class Reliability:
    """One value a bin of confidence in (low, high]; mean confidence and accuracy are nan where `count` is 0."""

    low: Floats
    high: Floats
    count: Indices
    confidence: Floats
    accuracy: Floats


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class McNemar:
    """Rows that only the one or only the other model has right, and the exact two-sided p value."""

    only_first: int
    only_second: int
    p_value: float


@dataclass(frozen=True)
class Difference:
    """First minus second, the bounds of its paired bootstrap interval, and the two-sided p value of "no difference"."""

    value: float
    low: float
    high: float
    p_value: float


def accuracy(labels: Indices, predicted: Indices) -> float:
    """The share of rows that are right."""
    check_rows(labels, predicted)
    return float(np.mean(labels == predicted))


def confusion(labels: Indices, predicted: Indices, classes: int) -> NDArray[np.int64]:
    """Counts of shape (classes, classes): true class down, predicted class across."""
    check_rows(labels, predicted)
    cells = labels.astype(np.int64) * classes + predicted
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def per_class(labels: Indices, predicted: Indices, classes: int) -> PerClass:
    """Precision, recall, F1 and support; a fraction without a denominator is 0."""
    counts = confusion(labels, predicted, classes)
    right, support, guessed = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return PerClass(
        precision=right / np.maximum(guessed, 1),
        recall=right / np.maximum(support, 1),
        f1=2 * right / np.maximum(support + guessed, 1),
        support=support,
    )


def macro_f1(labels: Indices, predicted: Indices, classes: int) -> float:
    """The mean F1 of the classes that occur in `labels`.

    The rows alone say which classes count, so two models on the same rows are averaged over the same classes.
    """
    found = per_class(labels, predicted, classes)
    return float(found.f1[found.support > 0].mean())


def roc_auc(labels: Indices, scores: Floats) -> float:
    """The mean over classes of the area under the ROC curve, one class against the rest.

    A class without a row, or that has every row, has no curve and is left out; nan where none is left. Ties count half
    (the Mann-Whitney form of the area: Hanley and McNeil 1982).
    """
    check_rows(labels, scores[:, 0])
    areas = []
    for index in range(scores.shape[1]):
        positive = labels == index
        above, below = int(positive.sum()), int((~positive).sum())
        if above and below:
            ordered = np.sort(scores[:, index])
            lower = np.searchsorted(ordered, scores[positive, index], side="left")
            upper = np.searchsorted(ordered, scores[positive, index], side="right")
            ranks = (lower + upper + 1) / 2
            areas.append((ranks.sum() - above * (above + 1) / 2) / (above * below))
    return float(np.mean(areas)) if areas else float("nan")


def log_loss(labels: Indices, probabilities: Floats) -> float:
    """The mean negative log-likelihood in nats; a probability of 0 counts as the smallest step of its number type."""
    check_rows(labels, probabilities[:, 0])
    likelihood = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(likelihood, np.finfo(probabilities.dtype).eps, 1).astype(np.float64)).mean())


def reliability(labels: Indices, probabilities: Floats, bins: int = 15) -> Reliability:
    """How often the model is right at each level of confidence, in bins of equal width."""
    check_rows(labels, probabilities[:, 0])
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    edges = np.linspace(0, 1, bins + 1)
    which = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            low=edges[:-1],
            high=edges[1:],
            count=count,
            confidence=np.bincount(which, weights=confidence, minlength=bins) / count,
            accuracy=np.bincount(which, weights=right, minlength=bins) / count,
        )


def ece(labels: Indices, probabilities: Floats, bins: int = 15) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy (Guo et al. 2017)."""
    found = reliability(labels, probabilities, bins)
    gaps = np.abs(found.confidence - found.accuracy)[found.count > 0]
    return float(np.average(gaps, weights=found.count[found.count > 0]))


def bootstrap_intervals(
    labels: Indices, predicted: Indices, classes: int, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> Mapping[str, Interval]:
    """Percentile intervals of `accuracy` and `macro_f1` over rows drawn with replacement."""
    truth, guesses, draws = resample(labels, [predicted], classes, resamples, seed)
    right = guesses[0] == truth
    return {
        "accuracy": interval(accuracy(labels, predicted), draws[:, right].sum(axis=1) / len(labels), level),
        "macro_f1": interval(
            macro_f1(labels, predicted, classes), macro_f1_of_draws(truth, guesses[0], draws, classes), level
        ),
    }


def paired_bootstrap(
    labels: Indices,
    first: Indices,
    second: Indices,
    classes: int,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """The macro-F1 of the first model minus that of the second, both on the same drawn rows (Koehn 2004).

    The p value counts draws on the far side of zero, plus one, so it is never below 2 / (resamples + 1).
    """
    truth, guesses, draws = resample(labels, [first, second], classes, resamples, seed)
    gaps = macro_f1_of_draws(truth, guesses[0], draws, classes) - macro_f1_of_draws(truth, guesses[1], draws, classes)
    value = macro_f1(labels, first, classes) - macro_f1(labels, second, classes)
    bounds = interval(value, gaps, level)
    tail = min(int((gaps <= 0).sum()), int((gaps >= 0).sum()))
    return Difference(value, bounds.low, bounds.high, min(1.0, 2 * (tail + 1) / (resamples + 1)))


def mcnemar_exact(labels: Indices, first: Indices, second: Indices) -> McNemar:
    """The exact test of equal accuracy on the same rows: a fair coin over those that only one model has right."""
    check_rows(labels, first)
    check_rows(labels, second)
    only_first = int(((first == labels) & (second != labels)).sum())
    only_second = int(((first != labels) & (second == labels)).sum())
    flips = only_first + only_second
    tail, ways = 0, 1
    for heads in range(min(only_first, only_second) + 1):
        tail += ways
        ways = ways * (flips - heads) // (heads + 1)
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**flips))


def resample(
    labels: Indices, predictions: list[Indices], classes: int, resamples: int, seed: int
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]], NDArray[np.int64]]:
    """Draw rows with replacement: the distinct rows (truth, one array of guesses a model) and how often each was drawn.

    Rows with the same truth and guesses are the same row, so drawing their counts from one multinomial is the same as
    drawing rows one by one, and far cheaper. The counts are of shape (resamples, distinct rows).
    """
    cells = labels.astype(np.int64)
    for predicted in predictions:
        check_rows(labels, predicted)
        cells = cells * classes + predicted
    distinct, counts = np.unique(cells, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(len(labels), counts / len(labels), size=resamples)
    guesses: list[NDArray[np.int64]] = []
    for _ in predictions:
        distinct, guess = np.divmod(distinct, classes)
        guesses.insert(0, guess)
    return distinct, guesses, draws


def macro_f1_of_draws(
    truth: NDArray[np.int64], guess: NDArray[np.int64], draws: NDArray[np.int64], classes: int
) -> NDArray[np.float64]:
    """The macro-F1 of every draw, shape (resamples,), over the classes that the draw holds."""
    one_hot, weights = np.eye(classes), draws.astype(np.float64)
    support, guessed = weights @ one_hot[truth], weights @ one_hot[guess]
    right = weights @ (one_hot[truth] * (truth == guess)[:, None])
    f1 = 2 * right / np.maximum(support + guessed, 1)
    present = support > 0
    return np.asarray((f1 * present).sum(axis=1) / present.sum(axis=1))


def interval(value: float, draws: Floats, level: float) -> Interval:
    """The percentile interval that holds the share `level` of the draws."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def check_rows(labels: Indices, others: NDArray[Any]) -> None:
    """Raise ValueError unless both have one value a row, and there are rows."""
    if labels.ndim != 1 or labels.shape != others.shape:
        raise ValueError(f"expected one value a row in both, got shapes {labels.shape} and {others.shape}")
    if not len(labels):
        raise ValueError("there are no rows to measure")
