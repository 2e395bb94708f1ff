"""What the model is worth on the validation rows, after each epoch."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from slipway import metrics
from slipway.data.prepared import EncodedSplit
from slipway.training.batches import Ints, collate, in_order_of_length, move
from slipway.training.distributed import ALONE, World
from slipway.training.epoch import EpochMetrics


def measure(labels: Ints, logits: npt.NDArray[np.float32]) -> dict[str, float]:
    """Accuracy, macro-F1 and log-loss (nats) of logits (rows, classes); the log-loss of NaN logits is infinite."""
    predicted = logits.argmax(axis=1)
    wide = torch.from_numpy(logits).double()
    log_loss = float(torch.nn.functional.cross_entropy(wide, torch.from_numpy(np.array(labels, np.int64))))
    return {
        "accuracy": metrics.accuracy(labels, predicted),
        "macro_f1": metrics.macro_f1(labels, predicted, logits.shape[1]),
        "log_loss": log_loss if np.isfinite(log_loss) else float("inf"),
    }


def predict(
    model: nn.Module,
    split: EncodedSplit,
    token_budget: int,
    pad_id: int,
    device: str = "cpu",
    world: World = ALONE,
    between: Callable[[], None] = lambda: None,
) -> npt.NDArray[np.float32]:
    """Logits (rows, classes) of a split in its own order; leaves the model in evaluation mode.

    The processes of `world` take the batches in turn, and all return the logits of all rows. Each calls `between`
    before each turn.
    """
    model.eval()
    batches = in_order_of_length(np.diff(split.offsets), token_budget)
    mine, found = batches[world.rank :: world.size], []
    for turn in range(-(-len(batches) // world.size)):
        between()
        with torch.inference_mode():
            for batch in mine[turn : turn + 1]:
                ids, mask, _ = move(collate(split, batch, pad_id), device)
                found.append(model(ids, mask).float().cpu())
    classes = world.highest(found[0].shape[1] if found else 0)
    # each row is of one process, and 0 in all others
    logits = torch.zeros(len(split.labels), classes)
    for batch, part in zip(mine, found, strict=True):
        logits[torch.from_numpy(batch)] = part
    whole: npt.NDArray[np.float32] = world.sum(logits).numpy()
    return whole


def better(new: EpochMetrics, old: EpochMetrics, metric: str) -> bool:
    """Whether `new` beats `old`: higher, or for the log-loss lower; a tie keeps the old."""
    if metric == "log_loss":
        return new.log_loss < old.log_loss
    return bool(getattr(new, metric) > getattr(old, metric))
