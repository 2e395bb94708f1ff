"""What a training job says of itself, in lines that a person reads and a program parses (compute/watch.py)."""

import time

from slipway.training.epoch import EpochMetrics

EVERY_SECONDS = 2.0


class Progress:
    """Prints a line every two seconds, and one at the end of each epoch."""

    def __init__(self, total: int, metric: str) -> None:
        self.total, self.metric = total, metric
        self.said = time.monotonic()

    def advance(self, step: int, loss: float) -> None:
        """`step` updates are done; `loss` is the mean of the last ones."""
        if time.monotonic() - self.said >= EVERY_SECONDS:
            self.said = time.monotonic()
            print(f"step {step}/{self.total}  loss {loss:.4f}", flush=True)

    def epoch(self, metrics: EpochMetrics) -> None:
        """An epoch is done."""
        print(
            f"epoch {metrics.epoch:>3}  step {metrics.step}/{self.total}  loss {metrics.train_loss:.4f}  "
            f"{self.metric} {getattr(metrics, self.metric):.4f}  {metrics.tokens_per_second:,.0f} tokens/s",
            flush=True,
        )
