"""A bar with loss, metric and time left; silent where nobody watches a terminal."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from slipway.training.epoch import EpochMetrics


class Progress:
    """One bar over all updates of a training; one line an epoch stays above it."""

    def __init__(self, total: int, done: int, metric: str, console: Console | None = None) -> None:
        self.metric = metric
        self.console = console or Console(stderr=True)
        self.bar = Bar(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  " + metric + " {task.fields[metric]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("training", total=total, completed=done, loss=float("nan"), metric="-")

    def __enter__(self) -> "Progress":
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def advance(self, step: int, loss: float) -> None:
        """`step` updates are done."""
        self.bar.update(self.task, completed=step, loss=loss)

    def epoch(self, metrics: EpochMetrics) -> None:
        """An epoch is done."""
        value = f"{getattr(metrics, self.metric):.4f}"
        self.bar.update(self.task, metric=value)
        if self.console.is_terminal:
            self.bar.print(
                f"epoch {metrics.epoch:>3}  loss {metrics.train_loss:.4f}  {self.metric} {value}  "
                f"[dim]{metrics.tokens_per_second:,.0f} tokens/s[/dim]"
            )
