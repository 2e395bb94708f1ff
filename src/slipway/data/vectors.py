"""Word vectors of a GloVe text file, for the vocabulary at hand (Pennington et al. 2014)."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from slipway.config.tokenizer import Vectors
from slipway.data.local import local_file
from slipway.errors import UserError

FORM = "a GloVe line is a word and then numbers, with single blanks between"


def read(config: Vectors, tokenizer: Tokenizer) -> tuple[npt.NDArray[np.float32], float]:
    """The vectors of the tokenizer's whole words, float32 (vocabulary, width), zeros elsewhere; and the share found.

    A word of the vocabulary is looked up as it is, then in lower case. Raises UserError, naming file and line, for a
    missing file, another checksum, a line of another width or without numbers, no word in common.
    """
    path = local_file(config.path, config.sha256, "model.vectors.path", "model.vectors.sha256")
    words = _words(tokenizer)
    lowered: dict[str, list[int]] = {}
    for word, number in words.items():
        lowered.setdefault(word.lower(), []).append(number)
    exact: dict[int, npt.NDArray[np.float32]] = {}
    lower: dict[int, npt.NDArray[np.float32]] = {}
    width = 0
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            fields = raw.rstrip().split(b" ")
            if line == 1 and len(fields) == 2 and all(field.isdigit() for field in fields):
                continue  # word2vec's text format begins with its counts
            width = width or len(fields) - 1
            # a word may hold blanks (in glove.840B), but ends with no number: that would be one of the vector
            longer = len(fields) > width + 1 and _is_number(fields[-width - 1])
            if width and (len(fields) <= width or longer):
                raise UserError(f"{path}:{line}: {len(fields) - 1} numbers where the lines before have {width}.")
            word = b" ".join(fields[:-width]).decode("utf-8", "replace")
            if not width or not word:
                raise UserError(f"{path}:{line}: no word, or no numbers after it: {FORM}.")
            if word in words or word in lowered:
                vector = _vector(fields[-width:], path, line)
                lower |= dict.fromkeys(lowered.get(word, ()), vector)
                if word in words:
                    exact[words[word]] = vector
    found_vectors = lower | exact
    if not found_vectors:
        raise UserError(f"{path}: holds none of the vocabulary's words; is it a GloVe text file (word, then numbers)?")
    table = np.zeros((tokenizer.get_vocab_size(), width), np.float32)
    table[list(found_vectors)] = np.stack(list(found_vectors.values()))
    return table, len(found_vectors) / len(words)


def _words(tokenizer: Tokenizer) -> dict[str, int]:
    """The vocabulary's whole words: of byte-level pieces, those that begin a word."""
    vocabulary = tokenizer.get_vocab()
    if not any(token.startswith("Ġ") for token in vocabulary):
        return dict(vocabulary)
    return {tokenizer.decode([number]).strip(): number for token, number in vocabulary.items() if token.startswith("Ġ")}


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _vector(fields: list[bytes], path: Path, line: int) -> npt.NDArray[np.float32]:
    try:
        vector = np.array([float(field) for field in fields], np.float32)
    except ValueError as error:
        raise UserError(f"{path}:{line}: {str(error)[:100]}; {FORM}.") from error
    if not np.isfinite(vector).all():
        raise UserError(f"{path}:{line}: holds a number that is not finite.")
    return vector
