"""What the models are worth beside a linear baseline on the same split.

    python benchmarks/quality.py [--sets aws_docs banking77 uci_news] [--models bag encoder] [--seeds 0 1 2]
                                 [--set train.epochs=5] [--json FILE]

Every figure is of the test rows, by torch. Weights and epochs are chosen on the validation rows alone. banking77 and
uci_news are read from $SLIPWAY_DATASETS (or ../shared/datasets); banking77 is downloaded where that folder lacks it.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import torch
import yaml
from rich.console import Console
from rich.progress import track
from rich.table import Table

from slipway.config.compose import Order, resolve
from slipway.config.root import Resolved
from slipway.data import tokenizer
from slipway.data.clean import clean
from slipway.data.encode import write_prepared
from slipway.data.prepared import load_meta, load_rows, load_split
from slipway.data.rows import frame
from slipway.data.sources.read import read
from slipway.data.split import assign
from slipway.evaluation.baseline import baseline_answers
from slipway.metrics import accuracy, macro_f1
from slipway.models.store import build
from slipway.training.loop import train
from slipway.training.measure import measure, predict

ROOT = Path(__file__).resolve().parents[1]
DATASETS = Path(os.environ.get("SLIPWAY_DATASETS", ROOT.parent / "shared" / "datasets"))
UCI_LABELS = {"b": "business", "e": "entertainment", "m": "health", "t": "science_and_technology"}


@dataclass(frozen=True)
class Run:
    """One training: figures of the test rows, and what it took."""

    data: str
    model: str
    seed: int
    accuracy: float
    macro_f1: float
    validation_accuracy: float
    epochs: int
    cpu_seconds: float
    seconds: float


def order(data: str, model: str, values: dict[str, Any]) -> Order:
    """The order form for a data set, whose files are local where they are at hand."""
    choices = {"data": "csv" if data == "uci_news" else data, "model": model}
    merged: dict[str, Any] = {section: dict(part) for section, part in values.items()}
    folder = DATASETS / data
    if data == "uci_news":
        files = {
            split: str(folder / f"{name}.txt")
            for split, name in (("train", "train"), ("validation", "valid"), ("test", "test"))
        }
        source = {
            "files": files,
            "names": ["text", "label"],
            "delimiter": "\t",
            "quoting": "none",
            "labels": UCI_LABELS,
        }
        clean_up = {"conflicts": "majority", "leaks": "drop"}
        merged["data"] = {"name": data, "source": source, "clean": clean_up}
    elif data == "banking77" and folder.is_dir():
        merged["data"] = {"source": {"files": {split: str(folder / f"{split}.csv") for split in ("train", "test")}}}
    return Order(choices, merged)


def prepare(resolved: Resolved, folder: Path) -> None:
    """What fetch and prepare do, into `folder`."""
    cleaned = clean(frame(read(resolved.data.source).rows), resolved.data.clean)
    table = cleaned.table.assign(split=assign(cleaned.table, resolved.data.split))
    texts = table.loc[table["split"] == "train", "text"].tolist()
    folder.mkdir(parents=True)
    fitted = tokenizer.build(resolved.model.tokenizer, texts)
    write_prepared(folder, table, fitted, resolved.model.tokenizer.max_length)


def baseline(prepared: Path, resolved: Resolved) -> tuple[float, float]:
    """Test accuracy and macro-F1 of the linear model that the gate compares with."""
    meta, fit, test = load_meta(prepared), load_rows(prepared, "train"), load_rows(prepared, "test")
    answers = baseline_answers(
        fit["text"].tolist(), fit["label"].tolist(), test["text"].tolist(), meta.labels, resolved.gate.baseline
    )
    number = {label: index for index, label in enumerate(meta.labels)}
    truth = test["label"].map(number).to_numpy()
    predicted = answers.scores.argmax(axis=1)
    return accuracy(truth, predicted), macro_f1(truth, predicted, len(meta.labels))


def run(data: str, model: str, seed: int, resolved: Resolved, prepared: Path) -> Run:
    """Train once on `prepared`, without a checkpoint to go on from, and measure on the test rows."""
    config = resolved.train.model_copy(update={"seed": seed})
    torch.set_num_threads(config.threads)
    cpu, wall = time.process_time(), time.perf_counter()
    meta = load_meta(prepared)
    torch.manual_seed(seed)
    untrained = build(resolved.model, meta, prepared)
    splits = load_split(prepared, "train"), load_split(prepared, "validation")
    with tempfile.TemporaryDirectory() as folder:
        trained = train(untrained, resolved.model, config, meta, *splits, Path(folder))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    test = load_split(prepared, "test")
    found = measure(test.labels, predict(trained.model, test, 8192, meta.pad_id))
    best = trained.history[trained.best_epoch - 1]
    return Run(
        data=data,
        model=model,
        seed=seed,
        accuracy=found["accuracy"],
        macro_f1=found["macro_f1"],
        validation_accuracy=best.accuracy,
        epochs=len(trained.history),
        cpu_seconds=cpu,
        seconds=wall,
    )


def main() -> None:
    """Train, print the table, and write the runs as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["aws_docs", "banking77", "uci_news"])
    parser.add_argument("--models", nargs="+", default=["bag", "encoder"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", nargs="*", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    values: dict[str, Any] = {}
    for word in options.set:
        keys, _, value = word.partition("=")
        section, key = keys.split(".", 1)
        values.setdefault(section, {})[key] = yaml.safe_load(value)
    os.chdir(ROOT)

    runs: list[Run] = []
    table = Table(title="accuracy / macro-F1 of the test rows")
    for heading in ("data", "model", "mean", "against the baseline", "each seed", "validation", "epochs", "CPU s", "s"):
        table.add_column(heading)
    with tempfile.TemporaryDirectory() as scratch:
        for data in options.sets:
            linear: tuple[float, float] | None = None
            for model in options.models:
                resolved, _ = resolve(order(data, model, values))
                prepared = Path(scratch, data, model)
                prepare(resolved, prepared)
                if linear is None:
                    linear = baseline(prepared, resolved)
                    table.add_row(data, "TF-IDF + LinearSVC", f"{linear[0]:.4f} / {linear[1]:.4f}")
                title = f"{data} {model}"
                own = [
                    run(data, model, seed, resolved, prepared) for seed in track(options.seeds, title, transient=True)
                ]
                runs += own
                table.add_row(*row(own, linear))
            table.add_section()
    Console(width=150).print(table)
    if options.json:
        options.json.write_text(json.dumps([vars(one) for one in runs], indent=2) + "\n", encoding="utf-8")


def row(runs: list[Run], linear: tuple[float, float]) -> list[str]:
    """One line of the table: means over the seeds."""
    means = mean(one.accuracy for one in runs), mean(one.macro_f1 for one in runs)
    gaps = [100 * (own - other) for own, other in zip(means, linear, strict=True)]
    return [
        "",
        runs[0].model,
        f"{means[0]:.4f} / {means[1]:.4f}",
        f"{gaps[0]:+.2f} / {gaps[1]:+.2f} points",
        "  ".join(f"{one.accuracy:.4f}" for one in runs),
        f"{mean(one.validation_accuracy for one in runs):.4f}",
        f"{mean(one.epochs for one in runs):.1f}",
        f"{mean(one.cpu_seconds for one in runs):.0f}",
        f"{mean(one.seconds for one in runs):.0f}",
    ]


if __name__ == "__main__":
    main()
