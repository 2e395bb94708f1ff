"""How tokens are spelled: the runs of characters in each, so that `transfer` and `transferred` share weights."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Spelling:
    """Which pieces each token has: `piece[i]` stands in `token[i]`, both int64 (pairs,), tokens ascending.

    `idf` (pieces,) is that of the training rows. There is always at least one piece.
    """

    token: Ints
    piece: Ints
    idf: npt.NDArray[np.float32]


def spell(
    vocabulary: Mapping[str, int],
    whole_words: bool,
    shortest: int,
    longest: int,
    tokens: npt.NDArray[np.unsignedinteger],
    offsets: Ints,
) -> Spelling:
    """The runs of `shortest` to `longest` characters that at least two tokens share, and their idf.

    `vocabulary` leads from spelling to id, without special tokens. Where tokens are `whole_words` their ends count as
    characters; tokens of byte-level BPE carry the beginning of a word themselves. `tokens` is flat, row i from
    offsets[i] to offsets[i + 1].
    """
    runs: dict[int, list[str]] = {}
    shared: dict[str, int] = {}
    for text, each in sorted(vocabulary.items(), key=lambda entry: entry[1]):
        spelled = f" {text} " if whole_words else text
        lengths = range(shortest, longest + 1)
        runs[each] = [spelled[at : at + size] for size in lengths for at in range(len(spelled) - size + 1)]
        for run in set(runs[each]):
            shared[run] = shared.get(run, 0) + 1
    number = {run: index for index, run in enumerate(sorted(run for run, count in shared.items() if count > 1))}
    pairs = [(each, number[run]) for each, own in runs.items() for run in own if run in number]
    table: Ints = np.array(pairs, np.int64).reshape(-1, 2)
    token, piece = table[:, 0].copy(), table[:, 1].copy()
    rows = len(offsets) - 1
    idf = np.log((1 + rows) / (1 + rows_with(token, piece, max(len(number), 1), tokens, offsets))) + 1
    return Spelling(token, piece, idf.astype(np.float32))


def rows_with(token: Ints, piece: Ints, pieces: int, tokens: npt.NDArray[np.unsignedinteger], offsets: Ints) -> Ints:
    """In how many rows each piece occurs, int64 (pieces,)."""
    vocabulary = int(max(token.max(initial=0), tokens.max(initial=0))) + 1
    many = np.bincount(token, minlength=vocabulary)
    first = np.cumsum(many) - many
    counts = np.zeros(pieces, np.int64)
    for start in range(0, len(offsets) - 1, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, len(offsets) - 1)
        flat = tokens[offsets[start] : offsets[stop]].astype(np.int64)
        row = np.repeat(np.arange(stop - start), np.diff(offsets[start : stop + 1]))
        row, used = np.divmod(np.unique(row * vocabulary + flat), vocabulary)
        repeated = many[used]
        within = np.arange(repeated.sum()) - np.repeat(np.cumsum(repeated) - repeated, repeated)
        found = piece[np.repeat(first[used], repeated) + within]
        distinct = np.unique(np.repeat(row, repeated) * pieces + found) % pieces
        counts += np.bincount(distinct, minlength=pieces)
    return counts
