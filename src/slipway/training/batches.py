"""Batches of rows of about equal length, straight from the memory-mapped tokens."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slipway.data.prepared import EncodedSplit

Ints = npt.NDArray[np.int64]


def plan(lengths: Ints, token_budget: int, generator: np.random.Generator) -> list[Ints]:
    """Row numbers of each batch of one epoch, in random order: every row once.

    Rows are sorted by length (ties at random) and cut where rows times longest would exceed `token_budget`; a row
    that exceeds it alone is a batch of its own. The number of batches depends on the lengths and the budget only.
    """
    order = np.lexsort((generator.random(len(lengths)), lengths))
    bounds = cut(lengths[order], token_budget)
    batches = [order[start:stop] for start, stop in bounds]
    return [batches[index] for index in generator.permutation(len(batches))]


def in_order_of_length(lengths: Ints, token_budget: int) -> list[Ints]:
    """The same batches without any chance, shortest first: for evaluation."""
    order = np.argsort(lengths, kind="stable")
    return [order[start:stop] for start, stop in cut(lengths[order], token_budget)]


def cut(ascending: Ints, token_budget: int) -> Iterator[tuple[int, int]]:
    """The bounds of the longest runs whose padded size, count times last, stays within the budget."""
    start, total = 0, len(ascending)
    while start < total:
        # counts up to budget / first can fit; padded sizes grow with each row, so a binary search finds the end
        most = max(1, token_budget // max(int(ascending[start]), 1))
        window = ascending[start : start + most]
        padded = np.maximum(window, 1) * np.arange(1, len(window) + 1)
        stop = start + max(1, int(np.searchsorted(padded, token_budget, side="right")))
        yield start, stop
        start = stop


def deal(batches: Sequence[Ints], rank: int, size: int) -> list[Ints]:
    """What process `rank` of `size` takes of the batches of one update: together they take each row once.

    Whole batches in turn; where there are fewer than processes, each is first cut into as many parts as it takes. Short
    batches may leave nothing for a process. Which rows make an update is the same for any number of processes.
    """
    cuts = -(-size // len(batches))
    parts = [batch[cut::cuts] for batch in batches for cut in range(cuts)]
    return [part for part in parts[rank::size] if len(part)]


def collate(
    split: EncodedSplit, rows: Ints, pad_id: int, multiple: int = 1, limit: int | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, mask (both int64, batch x longest, at least one column) and labels (int64, batch) of some rows.

    The number of columns is rounded up to a `multiple`, but not above `limit`: a compiled model then sees few shapes.
    """
    begin = split.offsets[rows]
    lengths = split.offsets[rows + 1] - begin
    longest = max(int(lengths.max()), 1)
    places = np.arange(max(longest, min(-(-longest // multiple) * multiple, limit or longest)))
    inside = places < lengths[:, None]
    flat = np.minimum(begin[:, None] + places, len(split.tokens) - 1)
    ids = np.where(inside, split.tokens[flat], pad_id).astype(np.int64)
    return torch.from_numpy(ids), torch.from_numpy(inside.astype(np.int64)), torch.from_numpy(split.labels[rows])


def move(tensors: Sequence[Tensor], device: str) -> list[Tensor]:
    """The tensors on `device`; the way to a GPU goes through pinned memory, and nobody waits for it."""
    if device == "cpu":
        return list(tensors)
    return [tensor.pin_memory().to(device, non_blocking=True) for tensor in tensors]
