"""What a training job runs, on any machine: `python -m slipway.training.entry [FOLDER]`, /opt/ml by default.

Reads the job and its prepared data from the folder, goes on from its newest checkpoint, and leaves model/. Ends with 0;
143 where SIGTERM (or SIGINT) stopped it, after a checkpoint; 2 where a person can mend what is wrong, and 1 for all
else: both leave the reason in output/failure. slipway.training.launch starts it, once or several times.
"""

import io
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import UserError
from slipway.files import write_json, write_whole
from slipway.training.launch import STOPPED, count_gpus, die_with_parent, one_of_several
from slipway.training.layout import DONE, Job, Layout, reported

if TYPE_CHECKING:
    from slipway.training.distributed import World


class Log:
    """Standard output on a disk that may be full: what cannot be written is lost, and training goes on."""

    def write(self, text: str) -> int:
        """Write at once; the lines of a job are few."""
        with suppress(OSError):
            os.write(1, text.encode("utf-8", "replace"))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        """A log is read later."""
        return False


class Signals:
    """Remembers that the job was asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        """Take the signals from here on; before, they end the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def main(words: list[str]) -> int:
    """Run the job of a folder; returns the exit status."""
    signals, layout = Signals(), Layout(Path(words[0] if words else "/opt/ml"))
    sys.stdout = sys.stderr = Log()
    if one_of_several():
        die_with_parent()
    else:
        signals.listen()
        layout.failure.unlink(missing_ok=True)
    return reported(layout, lambda: attempt(layout, signals))


def attempt(layout: Layout, signals: Signals) -> int:
    """Train until the end or until asked to stop; returns the exit status."""
    job = layout.read_job()
    # before torch is imported: what its threads do while they wait is CPU time that nobody gets back
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(job.train.threads))
    from slipway.training.distributed import world
    from slipway.training.loop import Stopped

    with world() as processes:
        if not processes.leads:
            sys.stdout = io.StringIO()
        # before, one of several may wait where it hears nothing, and has nothing to lose
        signals.listen()
        try:
            run(job, layout, signals, processes)
        except Stopped as stopped:
            print(stopped, flush=True)
            return STOPPED
    return 0


def run(job: Job, layout: Layout, signals: Signals, world: "World") -> None:
    """Train, and leave the weights of the best epoch, the history, and last train.json, which says what it took.

    Of the processes of `world`, rank 0 alone leaves something.
    """
    import torch

    from slipway.config.model import Pretrained
    from slipway.data.prepared import load_meta, load_split
    from slipway.models.store import build, save
    from slipway.tracking import live
    from slipway.training import history
    from slipway.training.loop import train

    began = time.perf_counter()
    torch.set_num_threads(job.train.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and torch.version.cuda and count_gpus():
        # nobody should pay for a GPU that does nothing
        raise UserError(
            f"this machine's GPU cannot be used: torch is built for CUDA {torch.version.cuda}, and the driver may be "
            "too old for it. CUDA_VISIBLE_DEVICES= trains on the CPU all the same."
        )
    prepared, config = layout.channel("prepared"), job.model
    if isinstance(config, Pretrained) and layout.channel("encoder").is_dir():
        config = config.model_copy(update={"name": str(layout.channel("encoder"))})
    meta = load_meta(prepared)
    torch.manual_seed(job.train.seed)
    model = build(config, meta, prepared)
    uri = os.environ.get("MLFLOW_TRACKING_URI") if world.leads else None
    tracking = job.tracking.model_copy(update={"uri": uri or None})
    parameters = {"model": job.model.model_dump(mode="json"), "train": job.train.model_dump(mode="json")}
    with live(tracking, job.hash, parameters) as log:
        trained = train(
            model,
            config,
            job.train,
            meta,
            load_split(prepared, "train"),
            load_split(prepared, "validation"),
            layout.checkpoints,
            lambda metrics: log(metrics.epoch, asdict(metrics)),
            device,
            60 * job.checkpoint_minutes,
            lambda: signals.asked,
            world,
        )
    if not world.leads:
        return
    best = trained.history[trained.best_epoch - 1]
    save(trained.model, layout.model)
    write_whole(layout.model / "history.csv", history.to_csv(trained.history))
    write_json(
        layout.model / DONE,
        {
            "job": job.hash,
            "kind": job.model.kind,
            "device": device,
            "processes": world.size,
            "threads": job.train.threads,
            "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
            "epochs": len(trained.history),
            "best_epoch": trained.best_epoch,
            "validation": {"accuracy": best.accuracy, "macro_f1": best.macro_f1, "log_loss": best.log_loss},
            "training_seconds": round(trained.history[-1].seconds, 3),
            "checkpoint_seconds": round(trained.checkpoint_seconds, 3),
            "process_seconds": round(time.perf_counter() - began, 3),
            "process_cpu_seconds": round(time.process_time(), 3),
            "files": layout.hashes(),
        },
    )


if __name__ == "__main__":
    status = main(sys.argv[1:])
    # what has ended cannot be stopped: the interpreter's end would else be taken for that of the job
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(status)
