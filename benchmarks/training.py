"""Our training loop beside transformers' Trainer: the same model, rows, epochs and device.

    python benchmarks/training.py [--models encoder minilm] [--rounds 5] [--epochs 2] [--rows 30000]
                                  [--set train.token_budget=3072] [--json FILE]

Prints tokens a second (without padding, of the updates alone: no import, tokenising, validation or checkpoint) and peak
memory (of tensors on a GPU; else what training adds to imports, model and rows), as medians over rounds in which the
variants take turns, each in a process of its own; a ratio is the median of the rounds' own ratios. On a CPU the ratio
of CPU time stands beside it, which other work on the machine disturbs less. All start from the same weights and see the
same rows equally often at the same learning rates; Trainer takes as many rows an update as our token budget comes to,
and gets them tokenised, from the same memory-mapped file. The accuracy of the validation rows after the last epoch, one
seed a round, tells that speed was not bought with quality.
- encoder: conf/model/encoder.yaml. minilm: model=pretrained, a BERT of MiniLM's size (6 layers, 384 wide) with random
  weights; on a CPU give it a few thousand rows.
- Trainer by its defaults; with rows grouped by length; and on a GPU with bf16, TF32 and loader processes as well, none
  of which helps it on a CPU. Our loop has the defaults of conf/, on a GPU bf16 and a larger token budget.
Trainer needs accelerate, which this project does not: it comes into .slipway/peers, pinned and hashed, when missing.
"""

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import Dataset

from slipway.config.compose import Order, resolve
from slipway.config.root import Resolved
from slipway.data import tokenizer
from slipway.data.clean import clean
from slipway.data.encode import write_prepared
from slipway.data.prepared import EncodedSplit, Meta, load_meta, load_split
from slipway.data.rows import frame
from slipway.data.sources.read import read
from slipway.data.split import assign
from slipway.models.store import build
from slipway.training.batches import collate, in_order_of_length
from slipway.training.epoch import EpochMetrics
from slipway.training.loop import train
from slipway.training.measure import measure, predict

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".slipway" / "peers"
# what it needs besides is in the project's lock
ACCELERATE = "accelerate==1.15.0 --hash=sha256:97eacca0b73e45cb867dbf8c5d5d4dc32219544300e0c8992c7334dc2ef33cec"
CUDA = torch.cuda.is_available()
OURS, DEFAULT, GROUPED, TUNED = "ours", "Trainer, default", "Trainer, by length", "Trainer, tuned"
GROUPING = {"train_sampling_strategy": "group_by_length"}
ON_CUDA = {"bf16": True, "tf32": True, "dataloader_num_workers": 4, "dataloader_persistent_workers": True}
TRAINERS: dict[str, dict[str, Any]] = {DEFAULT: {}, GROUPED: GROUPING} | ({TUNED: GROUPING | ON_CUDA} if CUDA else {})
VARIANTS = [OURS, *TRAINERS]


@dataclass(frozen=True)
class Task:
    """What one process trains."""

    variant: str
    prepared: Path
    resolved: Resolved


@dataclass(frozen=True)
class Run:
    """What it found; seconds are those of the updates, `megabytes` what they took at most."""

    variant: str
    tokens_per_second: float
    seconds: float
    cpu_seconds: float
    megabytes: float
    updates: int
    accuracy: float


class Clock:
    """CPU seconds of our loop's updates, without the validation between its epochs."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.spent = model, 0.0
        self.began = self.seen = time.process_time()

    def look(self) -> bool:
        """Our loop asks after each update whether to stop, and also while it validates."""
        if self.model.training:
            self.seen = time.process_time()
        return False

    def epoch(self, _: EpochMetrics) -> None:
        """An epoch and its validation are done."""
        self.spent += self.seen - self.began
        self.began = time.process_time()


class Rows(Dataset[dict[str, Any]]):
    """Tokenised rows, as Trainer reads them."""

    def __init__(self, rows: EncodedSplit) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows.labels)

    def __getitem__(self, place: int) -> dict[str, Any]:
        ids = self.rows.tokens[self.rows.offsets[place] : self.rows.offsets[place + 1]].tolist()
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": int(self.rows.labels[place])}


class WithLoss(nn.Module):
    """What Trainer asks of a model: the loss beside the logits."""

    def __init__(self, model: nn.Module, label_smoothing: float) -> None:
        super().__init__()
        self.model, self.label_smoothing = model, label_smoothing

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """The mean loss of the batch, and logits (batch, classes)."""
        logits = self.model(input_ids, attention_mask).float()
        return {"loss": F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing), "logits": logits}


def run(task: Task) -> Run:
    """Train once, in a fresh process."""
    config, device = task.resolved.train, "cuda" if CUDA else "cpu"
    torch.set_num_threads(config.threads)
    meta, rows = load_meta(task.prepared), load_split(task.prepared, "train")
    torch.manual_seed(config.seed)
    model = build(task.resolved.model, meta, task.prepared).to(device)
    # what a device's first step costs is no part of training
    ids, mask, _ = collate(rows, np.arange(8), meta.pad_id)
    model(ids.to(device), mask.to(device)).sum().backward()
    model.zero_grad(set_to_none=True)
    return (ours if task.variant == OURS else trainers)(task, model, meta, rows)


def ours(task: Task, model: nn.Module, meta: Meta, rows: EncodedSplit) -> Run:
    """Our loop, as a training job calls it."""
    validation, before, clock = load_split(task.prepared, "validation"), reset_peak(), Clock(model)
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as log, redirect_stdout(log):
        trained = train(
            model,
            task.resolved.model,
            task.resolved.train,
            meta,
            rows,
            validation,
            Path(folder),
            clock.epoch,
            "cuda" if CUDA else "cpu",
            stop=clock.look,
        )
    seconds = sum(len(rows.tokens) / epoch.tokens_per_second for epoch in trained.history)
    speed, last = len(trained.history) * len(rows.tokens) / seconds, trained.history[-1]
    return Run(OURS, speed, seconds, clock.spent, peak_megabytes() - before, last.step, last.accuracy)


def trainers(task: Task, model: nn.Module, meta: Meta, rows: EncodedSplit) -> Run:
    """Transformers' Trainer, by its own clock."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    reader = transformers.PreTrainedTokenizerFast(tokenizer_file=str(task.prepared / "tokenizer.json"))
    reader.pad_token = reader.convert_ids_to_tokens(meta.pad_id)
    config = task.resolved.train
    with tempfile.TemporaryDirectory() as folder:
        settings = transformers.TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=rows_an_update(rows, config.token_budget),
            num_train_epochs=config.epochs,
            learning_rate=task.resolved.model.lr,
            lr_scheduler_type="cosine_with_min_lr",
            lr_scheduler_kwargs={"min_lr_rate": config.final_lr},
            warmup_steps=config.warmup,
            weight_decay=config.weight_decay,
            max_grad_norm=config.clip_norm or 0.0,
            seed=config.seed,
            save_strategy="no",
            dataloader_pin_memory=CUDA,
            disable_tqdm=True,
            **TRAINERS[task.variant],
        )
        trainer = transformers.Trainer(
            WithLoss(model, config.label_smoothing),
            settings,
            transformers.DataCollatorWithPadding(reader),
            Rows(rows),
            processing_class=reader,
        )
        trainer.remove_callback(transformers.PrinterCallback)
        before = reset_peak()
        began = time.process_time()
        seconds = trainer.train().metrics["train_runtime"]
        cpu_seconds, megabytes = time.process_time() - began, peak_megabytes() - before
    validation = load_split(task.prepared, "validation")
    found = predict(model, validation, config.token_budget, meta.pad_id, settings.device.type)
    accuracy = measure(validation.labels, found)["accuracy"]
    speed = config.epochs * len(rows.tokens) / seconds
    return Run(task.variant, speed, seconds, cpu_seconds, megabytes, trainer.state.global_step, accuracy)


def rows_an_update(rows: EncodedSplit, token_budget: int) -> int:
    """How many rows a batch of ours has on average."""
    return round(len(rows.labels) / len(in_order_of_length(np.diff(rows.offsets), token_budget)))


def reset_peak() -> float:
    """Forget the most memory so far; returns what is to be taken off the next, imports, model and rows: 0 on CUDA."""
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
        return 0.0
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5")  # of Linux: the peak is what is resident now
    return peak_megabytes()


def peak_megabytes() -> float:
    """The most memory since `reset_peak`: of tensors on CUDA, else of the process."""
    if CUDA:
        return torch.cuda.max_memory_allocated() / 1e6
    status = Path("/proc/self/status")
    if status.is_file():  # a process inherits the peak that getrusage tells from the one that started it
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def prepare(resolved: Resolved, rows: int, folder: Path) -> None:
    """What fetch and prepare do, with so many rows of the data set."""
    found = read(resolved.data.source).rows
    some = [found[index] for index in np.random.default_rng(0).permutation(len(found))[:rows]]
    table = clean(frame(some), resolved.data.clean).table
    table = table.assign(split=assign(table, resolved.data.split))
    fitted = tokenizer.build(resolved.model.tokenizer, table.loc[table["split"] == "train", "text"].tolist())
    folder.mkdir()
    write_prepared(folder, table, fitted, resolved.model.tokenizer.max_length)


def untrained_minilm(folder: Path, vocabulary: int) -> None:
    """A BERT of the size of all-MiniLM-L6-v2, on disk as the hub would give it."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    shape = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    transformers.BertModel(transformers.BertConfig(vocab_size=vocabulary, **shape)).save_pretrained(folder)


def install_peers() -> None:
    """Make accelerate importable here and in the processes that start from here."""
    if not (PEERS / "accelerate").is_dir():
        with tempfile.TemporaryDirectory() as folder:
            lock = Path(folder, "peers.txt")
            lock.write_text(ACCELERATE + "\n", encoding="utf-8")
            pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*pip, "--require-hashes", "--target", str(PEERS), "-r", str(lock)], check=True)
    sys.path.append(str(PEERS))


def order(model: str, folder: Path, values: dict[str, dict[str, Any]]) -> Order:
    """The order form for a model; all epochs are run, and a GPU computes in bf16 with batches that fill it."""
    merged: dict[str, dict[str, Any]] = {"train": {"patience": None}}
    if CUDA:
        merged["train"] |= {"precision": "bf16", "token_budget": 16_384}
    if model == "minilm":
        # random weights take larger steps than pretrained ones
        merged["model"] = {"name": str(folder), "lr": 0.0003}
    for section, part in values.items():
        merged.setdefault(section, {}).update(part)
    return Order({"data": "aws_docs", "model": "pretrained" if model == "minilm" else model}, merged)


def rounds(model: str, resolved: Resolved, prepared: Path, count: int) -> list[list[Run]]:
    """All variants in turn, `count` times: each round begins with another one, and has a seed of its own."""
    # before a process imports torch, as a training job does
    os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(resolved.train.threads)}
    # Trainer would share its batches among all that it sees
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        found = []
        for turn in track(range(count), model, transient=True):
            own = resolved.model_copy(update={"train": resolved.train.model_copy(update={"seed": turn})})
            first = turn % len(VARIANTS)
            turned = VARIANTS[first:] + VARIANTS[:first]
            done = {variant: pool.submit(run, Task(variant, prepared, own)).result() for variant in turned}
            found.append([done[variant] for variant in VARIANTS])
    return found


def table(title: str, found: list[list[Run]]) -> Table:
    """One line a variant: medians over the rounds, and how many times slower and greater than ours it is."""
    made = Table(title=title)
    headings = ("tokens/s", "times slower", "range", "goal", "CPU time", "range", "peak MB", "times", "accuracy")
    made.add_column("")
    for heading in headings:
        made.add_column(heading, justify="right")
    for place, variant in enumerate(VARIANTS):
        runs = [turn[place] for turn in found]
        speed, low, high = spread([turn[0].tokens_per_second / turn[place].tokens_per_second for turn in found])
        cpu, least, most = spread([turn[place].cpu_seconds / turn[0].cpu_seconds for turn in found])
        memory = median(turn[place].megabytes / turn[0].megabytes for turn in found)
        middle, worst, best = spread([one.accuracy for one in runs])
        made.add_row(
            variant,
            f"{median(one.tokens_per_second for one in runs):,.0f}",
            *(("", "", "") if variant == OURS else (f"{speed:.2f}", f"{low:.2f} to {high:.2f}", goal(variant, speed))),
            *(("", "") if variant == OURS or CUDA else (f"{cpu:.2f}", f"{least:.2f} to {most:.2f}")),
            f"{median(one.megabytes for one in runs):,.0f}",
            "" if variant == OURS else f"{memory:.2f}",
            f"{middle:.3f} ({worst:.3f} to {best:.3f})",
        )
    return made


def goal(variant: str, speed: float) -> str:
    """What is asked for, and whether it was missed; the best that Trainer does is one of its variants."""
    asked = 2.0 if variant == DEFAULT else 1.1
    return f">= {asked:g}" + ("" if speed >= asked else " MISSED")


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median, least, greatest."""
    return median(values), min(values), max(values)


def device(threads: int) -> str:
    """The machine's part that computes, with the threads that a CPU has for it."""
    if CUDA:
        return torch.cuda.get_device_name()
    cpus = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpus.read_text()) if cpus.is_file() else []
    return f"{names[0] if names else platform.processor() or platform.machine()}, {threads} threads"


def main() -> None:
    """Measure, print, and write the runs as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=["encoder", "minilm"], default=["encoder"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rows", type=int, default=30_000, help="of the data set's, which are fewer")
    parser.add_argument("--set", nargs="*", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    values: dict[str, dict[str, Any]] = {"train": {"epochs": options.epochs}}
    for word in options.set:
        keys, _, value = word.partition("=")
        section, key = keys.split(".", 1)
        values.setdefault(section, {})[key] = yaml.safe_load(value)
    os.chdir(ROOT)
    install_peers()

    record: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "device": device(resolve(order("encoder", ROOT, values))[0].train.threads),
        "versions": {name: version(name) for name in ("torch", "transformers", "accelerate")},
        "models": {},
    }
    console = Console(width=160)
    with tempfile.TemporaryDirectory() as scratch:
        prepared, minilm = Path(scratch, "prepared"), Path(scratch, "minilm")
        prepare(resolve(order("encoder", minilm, {}))[0], options.rows, prepared)
        meta, rows = load_meta(prepared), load_split(prepared, "train")
        for model in options.models:
            if model == "minilm":
                untrained_minilm(minilm, meta.vocab_size)
            resolved, _ = resolve(order(model, minilm, values))
            found = rounds(model, resolved, prepared, options.rounds)
            record["models"][model] = {
                "train": resolved.train.model_dump(mode="json"),
                "rows": len(rows.labels),
                "rows_an_update": rows_an_update(rows, resolved.train.token_budget),
                "rounds": [[asdict(one) for one in turn] for turn in found],
            }
            title = f"{model}: {len(rows.labels):,} rows, {resolved.train.epochs} epochs, {options.rounds} rounds"
            console.print(table(title, found))
    versions = " ".join(f"{name} {number}," for name, number in record["versions"].items())
    console.print(f"{record['device']}, {versions} {record['date']}")
    if options.json:
        options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
