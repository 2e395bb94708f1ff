"""The linear model that every other has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from slipway.config.gate import Baseline
from slipway.errors import UserError


@dataclass(frozen=True)
class BaselineAnswers:
    """The predicted label names, shape (rows,), and the scores, shape (rows, classes), larger is likelier."""

    predicted: NDArray[np.str_]
    scores: NDArray[np.float64]


def baseline_answers(
    train_texts: Sequence[str],
    train_labels: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[str],
    config: Baseline,
    seed: int = 0,
) -> BaselineAnswers:
    """Train TF-IDF over word n-grams and a linear SVM; answer `texts`. The same input gives the same answers.

    `labels` are all class names in the order of the columns of the scores; one without a training row scores lowest.
    Raises UserError where the training texts hold no word.
    """
    word = r"(?u)\b\w+\b"
    vectorizer = TfidfVectorizer(
        ngram_range=(1, config.ngrams), sublinear_tf=True, token_pattern=word, dtype=np.float32
    )
    try:
        features = vectorizer.fit_transform(train_texts)
    except ValueError as error:
        raise UserError("data/prepared: no training text holds a word, so there is no linear baseline.") from error
    machine = LinearSVC(C=config.c, random_state=seed)
    machine.fit(features, np.asarray(train_labels, dtype=str))
    found = np.asarray(machine.decision_function(vectorizer.transform(texts)), dtype=np.float64)
    if found.ndim == 1:
        found = np.stack([-found, found], axis=1)
    names = [str(name) for name in machine.classes_]
    scores = np.full((len(texts), len(labels)), found.min() - 1)
    scores[:, [list(labels).index(name) for name in names]] = found
    return BaselineAnswers(np.asarray(names)[found.argmax(axis=1)], scores)
