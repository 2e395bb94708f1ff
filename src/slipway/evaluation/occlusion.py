"""Which words carried a prediction: leave them out, a few at a time, and see what the model makes of the rest."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from slipway.predictor import Predictor

MOST_WORDS = 120
MOST_PARTS = 40


@dataclass(frozen=True)
class Part:
    """Some words of a text (with the white space after them), and how much probability is lost without them."""

    text: str
    weight: float


def carried(predictor: Predictor, texts: Sequence[str], classes: Sequence[int]) -> list[list[Part]]:
    """For each text its parts in order, with the probability that the given class loses when the part is left out.

    A part is one word, or a few of them where the text has more than 40. Only the first 120 words are looked at; what
    follows them stays in the text but is not among the parts (Zeiler and Fergus 2014, on words in place of pixels).
    """
    parts = [split(text) for text in texts]
    variants = [
        "".join([*found[:left_out], *found[left_out + 1 :], text[sum(map(len, found)) :]])
        for text, found in zip(texts, parts, strict=True)
        for left_out in range(len(found))
    ]
    if not variants:
        return [[] for _ in texts]
    whole, without = predictor.probabilities(texts), predictor.probabilities(variants)
    answers, position = [], 0
    for row, found in enumerate(parts):
        lost = whole[row, classes[row]] - without[position : position + len(found), classes[row]]
        answers.append([Part(text, float(weight)) for text, weight in zip(found, lost, strict=True)])
        position += len(found)
    return answers


def split(text: str) -> list[str]:
    """The first words of a text in at most 40 runs of equal length that join to the text's beginning."""
    words = re.findall(r"\s*\S+\s*", text)[:MOST_WORDS]
    step = -(-len(words) // MOST_PARTS)
    return ["".join(words[start : start + step]) for start in range(0, len(words), step)] if words else []
