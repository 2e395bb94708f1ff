"""The errors that the model was surest of: where the model, or the label, is most worth a look."""

from dataclasses import dataclass

import numpy as np

from slipway.evaluation.occlusion import Part, carried
from slipway.evaluation.predictions import Predictions
from slipway.predictor import Predictor


@dataclass(frozen=True)
class Mistake:
    """A test row with the wrong answer: both probabilities, and the words that carried the answer.

    `rest` is what follows the words that were looked at.
    """

    origin: str
    truth: str
    predicted: str
    confidence: float
    probability_of_truth: float
    parts: tuple[Part, ...]
    rest: str


@dataclass(frozen=True)
class Confusion:
    """Two classes that are taken for one another: how many rows of `truth` were called `predicted`."""

    truth: str
    predicted: str
    rows: int
    share: float


def mistakes(predictor: Predictor, predictions: Predictions, most: int = 12) -> list[Mistake]:
    """The wrong answers with the highest probability, surest first."""
    answers = predictions.probabilities.argmax(axis=1)
    confidence = predictions.probabilities.max(axis=1)
    wrong = np.flatnonzero(answers != predictions.truth_index)
    rows = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    texts = [predictions.texts[row] for row in rows]
    parts = carried(predictor, texts, [int(answers[row]) for row in rows])
    return [
        Mistake(
            origin=predictions.origins[row],
            truth=str(predictions.truth[row]),
            predicted=predictions.labels[answers[row]],
            confidence=float(confidence[row]),
            probability_of_truth=float(predictions.probabilities[row, predictions.truth_index[row]]),
            parts=tuple(found),
            rest=text[sum(len(part.text) for part in found) :],
        )
        for row, text, found in zip(rows, texts, parts, strict=True)
    ]


def confused(predictions: Predictions, most: int = 10) -> list[Confusion]:
    """The pairs of classes with the most errors, by number of rows."""
    wrong = predictions.predicted != predictions.truth
    pairs, counts = np.unique(
        np.stack([predictions.truth_index[wrong], predictions.probabilities[wrong].argmax(axis=1)]),
        axis=1,
        return_counts=True,
    )
    sizes = np.bincount(predictions.truth_index, minlength=len(predictions.labels))
    return [
        Confusion(
            predictions.labels[pairs[0, place]],
            predictions.labels[pairs[1, place]],
            int(counts[place]),
            float(counts[place] / sizes[pairs[0, place]]),
        )
        for place in np.argsort(-counts, kind="stable")[:most]
    ]
