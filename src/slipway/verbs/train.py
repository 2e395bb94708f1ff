"""`slipway train`: trains the model that resolved.yaml describes on the prepared data, where `compute` says."""

import signal
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from slipway.compute.project import Order, order
from slipway.compute.watch import Bar
from slipway.config.compute import Compute
from slipway.errors import UserError
from slipway.files import read_json
from slipway.tracking import live
from slipway.training.history import read_csv
from slipway.training.layout import DONE

OUTPUT = Path("models/train")


def run() -> int:
    """Write models/train: the weights of the best epoch, the history, and what it took.

    A job that runs already is waited for, one that is done is fetched. Ctrl-C and SIGTERM end the wait, and a job of
    this machine with it, which leaves a checkpoint; returns 130 then.
    """
    console = Console(stderr=True)
    wanted = order(lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True))
    backend, folder = wanted.backend, wanted.folder
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    folder.claim(OUTPUT)
    try:
        started = start(wanted)
        if started or backend.running():
            said = "started" if started else "runs already"
            name = backend.name
            logs = f"`slipway logs {name} {backend.choice}`"
            console.print(f"{name} {said}; {logs} shows all it says", soft_wrap=True)
            with Bar(console) as bar:
                bar.show(backend.follow())
    except KeyboardInterrupt:
        if not backend.running():
            raise  # there is nothing to end
        if not backend.ends_with_wait:
            name = backend.name
            stop = f"`slipway stop {name} {backend.choice}` stops it"
            console.print(f"{name} goes on: `dvc repro` waits for it again, {stop}.", soft_wrap=True)
            return 130
        backend.stop()
        for line in backend.follow():
            console.print(line, markup=False)
        if backend.status() != "done":
            console.print("[bold]Stopped.[/bold] `dvc repro` goes on from the last checkpoint.")
            return 130
    backend.collect()
    if not folder.deliver(OUTPUT):
        console.print("A later run of this folder waits for the same job, and takes its result.")
        return 0
    if not backend.ends_with_wait:
        replay(wanted)
    took = read_json(OUTPUT / DONE, "train")
    validation = took["validation"]
    Console().print(
        f"[bold]{took['kind']}[/bold] trained for {took['epochs']} epochs in {took['process_seconds']:.0f} s "
        f"({took['checkpoint_seconds']:.1f} s for checkpoints); best is "
        f"epoch {took['best_epoch']}: validation accuracy {validation['accuracy']:.4f}, macro-F1 "
        f"{validation['macro_f1']:.4f}"
    )
    return 0


def start(wanted: Order) -> bool:
    """Submit the job unless `compute.submit` forbids it; returns whether it was started.

    Raises UserError where it may not be started, and neither runs nor is done.
    """
    compute: Compute = wanted.choices.compute
    if compute.submit:
        return wanted.backend.submit(wanted.job, wanted.inputs)
    if (status := wanted.backend.status()) in ("running", "done"):
        return False
    if status == "absent":
        raise UserError(f"job {wanted.job.hash} was never started, and compute.submit=false starts none.")
    try:
        wanted.backend.collect()
    except UserError as error:
        raise UserError(f"{error}\nAnother attempt is not started: compute.submit is false.") from error
    return False


def replay(wanted: Order) -> None:
    """Tell the tracking server the epochs that it did not hear of from afar."""
    tracking = wanted.choices.tracking.model_copy(update={"uri": wanted.inputs.tracking_uri, "system_metrics": False})
    parameters = {section: getattr(wanted.job, section).model_dump(mode="json") for section in ("model", "train")}
    with live(tracking, wanted.job.hash, parameters) as log:
        for metrics in read_csv(OUTPUT / "history.csv"):
            log(metrics.epoch, asdict(metrics))
