"""`slipway train`: trains the model that resolved.yaml describes on the prepared data, where `compute` says."""

import os
import signal
from pathlib import Path

from rich.console import Console

from slipway.compute.job import job_hash, local_encoder
from slipway.compute.local import Local
from slipway.compute.watch import Bar
from slipway.config.compose import runtime
from slipway.config.compute import Compute
from slipway.config.model import ModelConfig
from slipway.config.resolved import read
from slipway.config.train import TrainConfig
from slipway.data.local import warn_where_unseen
from slipway.data.prepared import load_meta
from slipway.files import read_json
from slipway.tracking import absolute_uri
from slipway.training.layout import DONE, Job

PREPARED = Path("data/prepared")
OUTPUT = Path("models/train")


def run() -> int:
    """Write models/train: the weights of the best epoch, the history, and what it took.

    A job that runs already is waited for, one that is done is fetched. Ctrl-C and SIGTERM end the wait and the job,
    which leaves a checkpoint; returns 130 then.
    """
    model: ModelConfig = read("model", ModelConfig)
    train = read("train", TrainConfig)
    load_meta(PREPARED)  # what is missing is said here, not in a log
    if encoder := local_encoder(model):
        warn_where_unseen(encoder, "move it there, and change model.name")
    choices = runtime()
    compute: Compute = choices.compute
    job = Job(
        hash=job_hash(model, train, PREPARED),
        model=model,
        train=train,
        tracking=choices.tracking.model_copy(update={"uri": None}),
        checkpoint_minutes=compute.checkpoint_minutes,
    )
    backend = Local(job, Path(os.environ.get("DVC_ROOT", "."), ".slipway").resolve())
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    uri = choices.tracking.uri
    console = Console(stderr=True)
    backend.claim(OUTPUT)
    try:
        started = backend.submit(PREPARED, encoder, uri and absolute_uri(uri))
        if started or backend.running():
            console.print(f"{backend.name} {'started' if started else 'runs already'}; its log is {backend.log}")
        with Bar(console) as bar:
            bar.show(backend.follow())
    except KeyboardInterrupt:
        if backend.status() == "absent":
            raise
        backend.stop()
        for line in backend.follow():
            console.print(line, markup=False)
        if backend.status() != "done":
            console.print("[bold]Stopped.[/bold] `dvc repro` goes on from the last checkpoint.")
            return 130
    if not backend.collect(OUTPUT):
        console.print("A later run of this folder waits for the same job, and takes its result.")
        return 0
    took = read_json(OUTPUT / DONE, "train")
    validation = took["validation"]
    Console().print(
        f"[bold]{took['kind']}[/bold] trained for {took['epochs']} epochs in {took['process_seconds']:.0f} s; best is "
        f"epoch {took['best_epoch']}: validation accuracy {validation['accuracy']:.4f}, macro-F1 "
        f"{validation['macro_f1']:.4f}"
    )
    return 0
