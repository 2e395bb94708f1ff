"""Which runs of tokens are features, and how a graph of integer operations finds them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

# Hashes stay below the Mersenne prime 2**31 - 1 and the factor below 2**20, so no product leaves int63: torch and
# ONNX Runtime cannot disagree on overflow.
PRIME = 2**31 - 1
FACTOR = 1_000_003
ORDER_STEP = 7_919
SLOTS_PER_FEATURE = 8
ROWS_AT_ONCE = 4096

Ints = npt.NDArray[np.int64]
SmallInts = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Features:
    """The n-grams of a training set, most frequent first; feature 0 stands for every unknown one.

    `slots` (power of two,) leads from a hash to a feature; `keys` (features,) holds each feature's hash, so that an
    n-gram never seen in training is told from the one whose slot it shares; `idf` (features,) is 0 for feature 0.
    """

    slots: SmallInts
    keys: SmallInts
    idf: npt.NDArray[np.float32]


def hashes(ids: Tensor, longest: int) -> Iterator[Tensor]:
    """The hash of the run of 1, 2, ... `longest` tokens that starts at each position: int64, shaped as `ids`.

    Runs that go beyond the end read zeros there.
    """
    length = ids.shape[1]
    beyond = F.pad(ids, (0, longest - 1))
    rolling = torch.zeros_like(ids)
    for order in range(longest):
        rolling = (rolling * FACTOR + beyond[:, order : order + length] + 1) % PRIME
        yield (rolling + order * ORDER_STEP) % PRIME


def starts(mask: Tensor, longest: int) -> Iterator[Tensor]:
    """Where a run of 1, 2, ... `longest` tokens lies wholly inside the text: int64 of 0 and 1, shaped as `mask`."""
    length = mask.shape[1]
    beyond = F.pad(mask, (0, longest - 1))
    for order in range(longest):
        yield beyond[:, order : order + length]


def count(tokens: npt.NDArray[np.unsignedinteger], offsets: Ints, longest: int, min_count: int, most: int) -> Features:
    """The n-grams that occur in at least `min_count` rows, the `most` frequent; idf as scikit-learn smooths it.

    `tokens` is flat, row i from offsets[i] to offsets[i + 1].
    """
    rows = len(offsets) - 1
    pairs = [
        _pairs(tokens, offsets, start, min(start + ROWS_AT_ONCE, rows), longest)
        for start in range(0, rows, ROWS_AT_ONCE)
    ]
    keys, document_counts = np.unique(np.concatenate(pairs)[:, 1], return_counts=True)
    order = np.lexsort((keys, -document_counts))
    order = order[document_counts[order] >= min_count][:most]
    keys, document_counts = keys[order], document_counts[order]
    size = 1 << max(4, int(np.ceil(np.log2(max(len(keys), 1) * SLOTS_PER_FEATURE))))
    slots = np.zeros(size, np.int32)
    # written from the rarest on: where two features share a slot, the more frequent one has it
    slots[keys[::-1] % size] = np.arange(len(keys), 0, -1)
    idf = np.log((1 + rows) / (1 + document_counts)) + 1
    return Features(slots, np.concatenate([[-1], keys]).astype(np.int32), np.concatenate([[0], idf]).astype(np.float32))


def _pairs(tokens: npt.NDArray[np.unsignedinteger], offsets: Ints, start: int, stop: int, longest: int) -> Ints:
    """The distinct (row, hash) pairs of some rows, shape (pairs, 2)."""
    begin, end = offsets[start], offsets[stop]
    flat = torch.from_numpy(tokens[begin:end].astype(np.int64))[None]
    lengths = np.diff(offsets[start : stop + 1])
    row = np.repeat(np.arange(start, stop), lengths)
    last = np.repeat(offsets[start + 1 : stop + 1] - begin, lengths)
    position = np.arange(end - begin)
    found = []
    for order, hashed in enumerate(hashes(flat, longest)):
        inside = position + order < last
        found.append((row[inside] << 32) + hashed[0].numpy()[inside])
    both = np.unique(np.concatenate(found))
    return np.stack([both >> 32, both & 0xFFFFFFFF], axis=1)
