"""Groups of near-duplicate texts: MinHash over words and word pairs, candidates confirmed by their true similarity."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from slipway.data.fingerprint import normalised

WORD = re.compile(r"\w+")
HASHES, BANDS = 32, 8  # finds a pair of similarity 0.8 with probability 0.985, one of 0.9 with 0.9999

Array = npt.NDArray[np.uint64]


def groups(texts: Sequence[str], threshold: float) -> npt.NDArray[np.int64]:
    """A group number for each text: texts whose word and word-pair sets have Jaccard >= `threshold` share theirs.

    Groups are the connected components of such pairs. Chance misses a few pairs close to the threshold
    (Broder 1997, "On the resemblance and containment of documents").
    """
    if not texts:
        return np.zeros(0, np.int64)
    features, starts = _features(texts)
    signatures = _signatures(features, starts)
    matrix = _membership(features, starts)
    pairs = _candidates(signatures)
    pairs = pairs[_similarity(matrix, pairs) >= threshold]
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(len(texts), len(texts)))
    return np.asarray(connected_components(links, directed=False)[1], np.int64)


def _features(texts: Sequence[str]) -> tuple[Array, npt.NDArray[np.int64]]:
    """Hashes of the distinct words and word pairs of each text, flat, and where each text's begin."""
    numbers: dict[str, int] = {}
    flat: list[int] = []
    lengths = np.empty(len(texts), np.int64)
    for row, text in enumerate(texts):
        clear = normalised(text)
        words = WORD.findall(clear) or [clear]
        lengths[row] = len(words)
        for word in words:
            number = numbers.get(word)
            if number is None:
                # two checksums, since one has only 32 bits
                code = word.encode("utf-8", "surrogatepass")
                number = numbers[word] = zlib.crc32(code) << 32 | zlib.adler32(code)
            flat.append(number)
    words_flat = _mix(np.array(flat, np.uint64))
    rows = np.repeat(np.arange(len(texts)), lengths)
    same_text = rows[1:] == rows[:-1]
    pairs = _mix(words_flat[:-1] * np.uint64(3) + words_flat[1:])[same_text]
    every = np.concatenate([words_flat, pairs])
    of_text = np.concatenate([rows, rows[1:][same_text]])
    order = np.lexsort((every, of_text))
    every, of_text = every[order], of_text[order]
    fresh = np.ones(len(every), bool)
    fresh[1:] = (every[1:] != every[:-1]) | (of_text[1:] != of_text[:-1])
    every, of_text = every[fresh], of_text[fresh]
    return every, np.searchsorted(of_text, np.arange(len(texts)))


def _mix(values: Array) -> Array:
    """A 64-bit finaliser (splitmix64; Steele et al. 2014): every bit of the result depends on every bit given."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _signatures(features: Array, starts: npt.NDArray[np.int64]) -> Array:
    signatures = np.empty((len(starts), HASHES), np.uint64)
    for number in range(HASHES):
        salt = _mix(np.array([number + 1], np.uint64))
        signatures[:, number] = np.minimum.reduceat(_mix(features ^ salt), starts)
    return signatures


def _candidates(signatures: Array) -> npt.NDArray[np.int64]:
    """Pairs of rows that agree in a whole band: each row with the first and with the one before it in its bucket."""
    width = HASHES // BANDS
    found = []
    for band in range(BANDS):
        key = np.zeros(len(signatures), np.uint64)
        for column in range(band * width, (band + 1) * width):
            key = _mix(key + signatures[:, column])
        order = np.argsort(key, kind="stable")
        key = key[order]
        opens = np.ones(len(key), bool)
        opens[1:] = key[1:] != key[:-1]
        first = order[np.flatnonzero(opens)][np.cumsum(opens) - 1]
        inside = np.flatnonzero(~opens)
        found += [np.stack([first[inside], order[inside]], 1), np.stack([order[inside - 1], order[inside]], 1)]
    return np.unique(np.concatenate(found), axis=0).astype(np.int64)


def _membership(features: Array, starts: npt.NDArray[np.int64]) -> csr_array:
    distinct, columns = np.unique(features, return_inverse=True)
    bounds = np.append(starts, len(features))
    return csr_array((np.ones(len(features), np.int32), columns, bounds), shape=(len(starts), len(distinct)))


def _similarity(matrix: csr_array, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    sizes = np.diff(matrix.indptr)
    shared = matrix[pairs[:, 0]].multiply(matrix[pairs[:, 1]]).sum(axis=1)
    return np.asarray(shared / (sizes[pairs[:, 0]] + sizes[pairs[:, 1]] - shared))
