"""Shows a job's log as it grows: its progress as a bar, everything else as it is."""

import re
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

# the lines of training/progress.py
STEP = re.compile(
    r"(?P<epoch>epoch +\d+  )?step (?P<step>\d+)/(?P<total>\d+)  loss (?P<loss>\S+)(?:  (?P<metric>\S+ \S+))?"
)


class Bar:
    """One bar over all updates; a line for each epoch stays above it. A file gets only what is no progress."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self.progress = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}  {task.fields[metric]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task("training", total=None, loss="-", metric="")

    def __enter__(self) -> "Bar":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def show(self, lines: Iterable[str]) -> None:
        """Show each line of a log as it comes."""
        for line in lines:
            found = STEP.match(line)
            if found is None:
                self.console.print(line, markup=False, highlight=False, soft_wrap=True)
                continue
            values = {"loss": found["loss"]} | ({"metric": found["metric"]} if found["metric"] else {})
            self.progress.update(self.task, completed=int(found["step"]), total=int(found["total"]), **values)  # type: ignore[arg-type]
            if found["epoch"] and self.console.is_terminal:
                self.console.print(line, markup=False, highlight=False)
