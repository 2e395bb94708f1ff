"""`slipway train`: trains the model that resolved.yaml describes on the prepared data."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from slipway.config.compose import runtime
from slipway.config.model import ModelConfig
from slipway.config.resolved import read
from slipway.config.train import TrainConfig
from slipway.data.local import warn_where_unseen
from slipway.files import whole_folder, write_json, write_whole
from slipway.tracking import live
from slipway.training.history import to_csv

PREPARED = Path("data/prepared")
OUTPUT = Path("models/train")


def run() -> None:
    """Write models/train: the weights of the best epoch, the history, and what it took."""
    model_config: ModelConfig = read("model", ModelConfig)
    config = read("train", TrainConfig)
    # before torch is imported: what its threads do while they wait is CPU time that nobody gets back
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(config.threads))
    import torch

    from slipway.data.prepared import load_meta, load_split
    from slipway.models.store import build, save
    from slipway.training.identity import job_hash, local_encoder
    from slipway.training.loop import train

    began = time.perf_counter()
    torch.set_num_threads(config.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    meta = load_meta(PREPARED)
    if encoder := local_encoder(model_config):
        warn_where_unseen(encoder, "move it there, and change model.name")
    job = job_hash(model_config, config, PREPARED)
    torch.manual_seed(config.seed)
    model = build(model_config, meta, PREPARED)
    parameters = {section: read(section, dict[str, Any]) for section in ("data", "model", "train")}
    with live(runtime().tracking, job, parameters) as log:
        trained = train(
            model,
            model_config,
            config,
            meta,
            load_split(PREPARED, "train"),
            load_split(PREPARED, "validation"),
            Path(os.environ.get("DVC_ROOT", "."), ".slipway", "jobs", job, "checkpoints"),
            lambda metrics: log(metrics.epoch, asdict(metrics)),
            device,
        )
    best = trained.history[trained.best_epoch - 1]
    with whole_folder(OUTPUT) as folder:
        save(trained.model, folder)
        write_whole(folder / "history.csv", to_csv(trained.history))
        write_json(
            folder / "train.json",
            {
                "job": job,
                "device": device,
                "threads": config.threads,
                "parameters": sum(parameter.numel() for parameter in trained.model.parameters()),
                "epochs": len(trained.history),
                "best_epoch": trained.best_epoch,
                "validation": {"accuracy": best.accuracy, "macro_f1": best.macro_f1, "log_loss": best.log_loss},
                "training_seconds": round(trained.history[-1].seconds, 3),
                "stage_seconds": round(time.perf_counter() - began, 3),
                "stage_cpu_seconds": round(time.process_time(), 3),
            },
        )
    Console().print(
        f"[bold]{model_config.kind}[/bold] trained for {len(trained.history)} epochs in "
        f"{time.perf_counter() - began:.0f} s; best is epoch {trained.best_epoch}: validation accuracy "
        f"{best.accuracy:.4f}, macro-F1 {best.macro_f1:.4f}"
    )
