"""The figures of one epoch, as they go to the terminal, to history.csv and to the tracking server."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochMetrics:
    """What one epoch brought.

    `accuracy`, `macro_f1` and `log_loss` are of the validation rows. Both losses are plain cross-entropy in nats a row:
    what the objective adds, class weights and smoothing, is left out. `train_loss` is taken on the way, under dropout.
    `tokens_per_second` counts training tokens without padding; `seconds` are those of all epochs so far.
    """

    epoch: int
    step: int
    lr: float
    train_loss: float
    accuracy: float
    macro_f1: float
    log_loss: float
    tokens_per_second: float
    seconds: float
