"""What the model is worth on the validation rows, after each epoch."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from slipway import metrics
from slipway.data.prepared import EncodedSplit
from slipway.training.batches import Ints, collate, in_order_of_length
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
    model: nn.Module, split: EncodedSplit, token_budget: int, pad_id: int, device: str = "cpu"
) -> npt.NDArray[np.float32]:
    """Logits (rows, classes) of a split in its own order; leaves the model in evaluation mode."""
    model.eval()
    batches = in_order_of_length(np.diff(split.offsets), token_budget)
    found = []
    with torch.inference_mode():
        for batch in batches:
            ids, mask, _ = collate(split, batch, pad_id)
            found.append(model(ids.to(device), mask.to(device)).float().cpu().numpy())
    logits: npt.NDArray[np.float32] = np.concatenate(found)[np.argsort(np.concatenate(batches))]
    return logits


def better(new: EpochMetrics, old: EpochMetrics, metric: str) -> bool:
    """Whether `new` beats `old`: higher, or for the log-loss lower; a tie keeps the old."""
    if metric == "log_loss":
        return new.log_loss < old.log_loss
    return bool(getattr(new, metric) > getattr(old, metric))
