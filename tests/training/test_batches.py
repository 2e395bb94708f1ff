"""Batches hold rows of about equal length, each row once, within a budget of padded tokens."""

from itertools import pairwise

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.data.prepared import EncodedSplit
from slipway.training.batches import collate, deal, in_order_of_length, plan

LENGTHS = st.lists(st.integers(0, 60), min_size=1, max_size=120).map(lambda sizes: np.array(sizes, np.int64))
BUDGET = st.integers(1, 300)


@given(LENGTHS, BUDGET, st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_an_epoch_has_each_row_once_within_the_budget(lengths: np.ndarray, budget: int, seed: int) -> None:
    batches = plan(lengths, budget, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget
    assert len(batches) == len(in_order_of_length(lengths, budget))


@given(LENGTHS, BUDGET)
@settings(max_examples=100, deadline=None)
def test_no_batch_could_take_the_next_row_as_well(lengths: np.ndarray, budget: int) -> None:
    batches = in_order_of_length(lengths, budget)
    for batch, following in pairwise(batches):
        assert (len(batch) + 1) * max(lengths[following[0]], 1) > budget


@given(LENGTHS, BUDGET, st.integers(1, 6), st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_processes_together_take_each_row_of_an_update_once(
    lengths: np.ndarray, budget: int, accumulate: int, size: int
) -> None:
    update = plan(lengths, budget, np.random.default_rng(0))[:accumulate]
    shares = [deal(update, rank, size) for rank in range(size)]
    dealt = [row for share in shares for part in share for row in part.tolist()]
    assert sorted(dealt) == sorted(np.concatenate(update).tolist())
    assert all(len(part) for share in shares for part in share)
    # whole batches where there are enough, and nobody has two parts more than another
    if len(update) >= size:
        assert sorted(len(part) for share in shares for part in share) == sorted(map(len, update))
    if all(len(batch) >= size for batch in update):
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert [part.tolist() for part in deal(update, 0, 1)] == [batch.tolist() for batch in update]


def test_epochs_differ_and_seeds_repeat() -> None:
    lengths = np.random.default_rng(0).integers(1, 40, 500)
    first, again, other = (plan(lengths, 200, np.random.default_rng([0, epoch])) for epoch in (1, 1, 2))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in again]
    assert [batch.tolist() for batch in first] != [batch.tolist() for batch in other]


def test_sorting_leaves_little_padding() -> None:
    lengths = np.random.default_rng(0).lognormal(3, 0.6, 5000).astype(np.int64) + 1
    padded = sum(len(batch) * lengths[batch].max() for batch in plan(lengths, 1536, np.random.default_rng(0)))
    assert padded < 1.03 * lengths.sum()


def test_collating_copies_the_rows_and_masks_the_rest() -> None:
    rows = [[5, 6, 7], [8], [], [9, 10]]
    split = EncodedSplit(
        np.array([token for row in rows for token in row], np.uint16),
        np.cumsum([0, *map(len, rows)]),
        np.array([2, 0, 1, 3]),
    )
    ids, mask, labels = collate(split, np.array([3, 0, 2, 1]), pad_id=4)
    assert ids.tolist() == [[9, 10, 4], [5, 6, 7], [4, 4, 4], [8, 4, 4]]
    assert mask.tolist() == [[1, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert labels.tolist() == [3, 2, 1, 0]
    assert {ids.dtype, mask.dtype, labels.dtype} == {torch.int64}
    assert collate(split, np.array([2]), pad_id=4)[0].shape == (1, 1)


def test_a_compiled_model_sees_few_lengths() -> None:
    lengths = np.arange(1, 51)
    split = EncodedSplit(np.zeros(lengths.sum(), np.uint16), np.cumsum([0, *lengths]), np.zeros(50, np.int64))
    shapes = {collate(split, np.array([row]), 0, multiple=8, limit=50)[1].shape[1] for row in range(50)}
    assert shapes == {8, 16, 24, 32, 40, 48, 50}
    assert int(collate(split, np.array([2]), 0, multiple=8, limit=50)[1].sum()) == 3
