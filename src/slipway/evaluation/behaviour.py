"""Changes to a text or to its company that should leave the label as it is."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slipway.predictor import Predictor

LONG_WORD = re.compile(r"[^\W\d_]{4,}")
EXAMPLES = 3


@dataclass(frozen=True)
class Flip:
    """A row whose label changed."""

    before: str
    after: str
    label_before: str
    label_after: str


@dataclass(frozen=True)
class Check:
    """One change tried on `rows` test rows: the share whose label stayed, and the largest shift of a probability."""

    name: str
    what: str
    rows: int
    unchanged: float
    largest_shift: float
    flips: tuple[Flip, ...]


def behaviour(predictor: Predictor, texts: Sequence[str], seed: int = 0, rows: int = 300) -> list[Check]:
    """Try every change on `rows` of the texts, drawn by `seed`.

    `case` and `typos` change the text and tell how robust the model is; `padding` and `batch` change only what stands
    beside it, and an exact bundle never minds.
    """
    random = np.random.default_rng(seed)
    chosen = np.sort(random.choice(len(texts), size=min(rows, len(texts)), replace=False))
    sample = [texts[index] for index in chosen]
    alone = np.concatenate([predictor.probabilities([text]) for text in sample])
    longest = max(texts, key=len)
    beside = np.concatenate([predictor.probabilities([text, longest])[:1] for text in sample])
    order = random.permutation(len(sample))
    shuffled = np.empty_like(alone)
    shuffled[order] = predictor.probabilities([sample[index] for index in order])

    def compare(name: str, what: str, after: list[str], changed: NDArray[np.float32]) -> Check:
        stays = alone.argmax(axis=1) == changed.argmax(axis=1)
        flips = [
            Flip(sample[row], after[row], name_of(alone[row]), name_of(changed[row]))
            for row in np.flatnonzero(~stays)[:EXAMPLES]
        ]
        shift = float(np.abs(alone - changed).max())
        return Check(name, what, len(sample), float(stays.mean()), shift, tuple(flips))

    def name_of(probabilities: NDArray[np.float32]) -> str:
        return str(predictor.labels[int(probabilities.argmax())])

    def rewritten(name: str, what: str, change: Callable[[str], str]) -> Check:
        after = [change(text) for text in sample]
        return compare(name, what, after, predictor.probabilities(after))

    return [
        rewritten("case", "the whole text in capitals", str.upper),
        rewritten("typos", "two letters of one word swapped", lambda text: typo(text, random)),
        compare("padding", "padded to the length of the longest test row", sample, beside),
        compare("batch", "in one batch with the others, in another order", sample, shuffled),
    ]


def typo(text: str, random: np.random.Generator) -> str:
    """Swap two neighbouring, different letters inside one word of four letters or more, if there is such a word."""
    places = [
        place
        for word in LONG_WORD.finditer(text)
        for place in range(word.start() + 1, word.end() - 1)
        if text[place] != text[place + 1]
    ]
    if not places:
        return text
    place = places[int(random.integers(len(places)))]
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
