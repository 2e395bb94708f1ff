"""N-grams are found by integer operations: exactly those of the training rows, and none beyond a text's end."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
import torch

from slipway.models.ngrams import FACTOR, ORDER_STEP, PRIME, count, hashes, starts

Ints = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def rows() -> list[list[int]]:
    random = np.random.default_rng(0)
    return [random.integers(0, 12, size).tolist() for size in random.integers(1, 15, 200)]


def flat(rows: list[list[int]]) -> tuple[npt.NDArray[np.uint16], Ints]:
    return np.concatenate(rows).astype(np.uint16), np.cumsum([0, *map(len, rows)])


def hash_of(run: tuple[int, ...]) -> int:
    """With Python's own unbounded integers."""
    rolling = 0
    for token in run:
        rolling = (rolling * FACTOR + token + 1) % PRIME
    return (rolling + (len(run) - 1) * ORDER_STEP) % PRIME


def test_hashes_equal_those_of_unbounded_integers_even_for_the_largest_ids() -> None:
    ids = torch.tensor([[0, 2**32 - 1, 65_535, 17, 2**31]])
    found = [hashed[0].tolist() for hashed in hashes(ids, 4)]
    row = ids[0].tolist()
    for order in range(1, 5):
        runs = [tuple(row[at : at + order]) for at in range(len(row) - order + 1)]
        assert found[order - 1][: len(runs)] == [hash_of(run) for run in runs]


def test_no_product_leaves_63_bits() -> None:
    assert (PRIME - 1) * FACTOR + 2**32 + 1 < 2**63


def test_runs_start_only_where_they_fit() -> None:
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    assert [inside.tolist() for inside in starts(mask, 3)] == [
        [[1, 1, 1, 0], [1, 0, 0, 0]],
        [[1, 1, 0, 0], [0, 0, 0, 0]],
        [[1, 0, 0, 0], [0, 0, 0, 0]],
    ]


@pytest.mark.parametrize("min_count", [1, 2, 5])
def test_counted_are_exactly_the_runs_of_the_rows(rows: list[list[int]], min_count: int) -> None:
    counts = Counter(
        run
        for row in rows
        for run in {tuple(row[at : at + order]) for order in (1, 2, 3) for at in range(len(row) - order + 1)}
    )
    features = count(*flat(rows), longest=3, min_count=min_count, most=10_000)
    expected = {hash_of(run): times for run, times in counts.items() if times >= min_count}
    assert set(features.keys[1:].tolist()) == set(expected)
    idf = [np.log((1 + len(rows)) / (1 + expected[key])) + 1 for key in features.keys[1:].tolist()]
    np.testing.assert_allclose(features.idf[1:], idf, rtol=1e-6)
    assert features.idf[0] == 0


def test_the_most_frequent_are_kept_and_win_their_slots(rows: list[list[int]]) -> None:
    every = count(*flat(rows), longest=3, min_count=1, most=10_000)
    few = count(*flat(rows), longest=3, min_count=1, most=50)
    assert few.keys.tolist() == every.keys[:51].tolist()
    slot = every.keys[1:] % len(every.slots)
    owner = every.slots[slot]
    assert (owner <= np.arange(1, len(every.keys))).all(), "a slot belongs to a rarer feature"
    assert (owner == np.arange(1, len(every.keys))).mean() > 0.9


def test_rows_are_counted_alike_in_whatever_portions(rows: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = count(*flat(rows), longest=3, min_count=1, most=10_000)
    monkeypatch.setattr("slipway.models.ngrams.ROWS_AT_ONCE", 7)
    portions = count(*flat(rows), longest=3, min_count=1, most=10_000)
    for name in ("slots", "keys", "idf"):
        np.testing.assert_array_equal(getattr(portions, name), getattr(whole, name))
