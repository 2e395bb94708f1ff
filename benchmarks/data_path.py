"""What the training data path costs, measured side by side on real texts: python benchmarks/data_path.py [--json FILE]

Prints medians, ratios with their range, and goals, over rounds in which all variants take turns. An idle machine is
needed all the same: the encoder's threads suffer more from other work than the batches, which are made by one.
- the share of an encoder's training step that goes into its batch (token budget, threads and sizes as in conf/);
- an epoch of the encoder over length-bucketed batches, and over random batches padded to their longest row;
- the batches of an epoch by themselves, and by DataLoaders that handle rows one by one: texts that are tokenised when
  they are asked for, and rows that are tokenised already.
"""

import argparse
import json
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from slipway.config.compose import Order, resolve
from slipway.config.root import Resolved
from slipway.data.encode import encode
from slipway.data.prepared import EncodedSplit
from slipway.data.sources.read import read
from slipway.data.tokenizer import build
from slipway.models.encoder import Encoder, EncoderShape
from slipway.training.batches import Ints, collate, plan
from slipway.training.optimizers import optimizers

ROOT = Path(__file__).resolve().parents[1]
Batch = tuple[Tensor, Tensor, Tensor]
RATIOS = (("batches", "bucketed"), ("tokenising", "batches"), ("ready", "batches"), ("random", "bucketed"))


class Texts(Dataset[tuple[Tensor, int]]):
    """The texts, each tokenised when it is asked for."""

    def __init__(self, texts: list[str], split: EncodedSplit, tokenizer: Tokenizer) -> None:
        self.texts, self.split, self.tokenizer = texts, split, tokenizer

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return torch.tensor(self.tokenizer.encode(self.texts[row]).ids), int(self.split.labels[row])


class Rows(Dataset[tuple[Tensor, int]]):
    """The same rows as ready tokens."""

    def __init__(self, split: EncodedSplit) -> None:
        self.split = split

    def __len__(self) -> int:
        return len(self.split.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        start, stop = self.split.offsets[row], self.split.offsets[row + 1]
        return torch.from_numpy(self.split.tokens[start:stop].astype(np.int64)), int(self.split.labels[row])


def collate_one_by_one(samples: list[tuple[Tensor, int]]) -> Batch:
    """What a tutorial's collate function does."""
    ids = pad_sequence([ids for ids, _ in samples], batch_first=True)
    mask = pad_sequence([torch.ones_like(ids) for ids, _ in samples], batch_first=True)
    return ids, mask, torch.tensor([label for _, label in samples])


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure, print, and write the figures as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=12, help="encoder steps a round, spread over the epoch")
    parser.add_argument("--threads", type=int, help="of the encoder; default: train.threads")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    config, _ = resolve(Order({"data": "aws_docs", "model": "encoder"}), conf=ROOT / "conf")
    threads = options.threads or config.train.threads
    torch.set_num_threads(threads)
    rows = read(config.data.source).rows[: options.rows]
    texts = [row.text for row in rows]
    tokenizer = build(config.model.tokenizer, texts)
    tokens, offsets, _ = encode(tokenizer, texts, np.dtype(np.uint16))
    classes = sorted({row.label for row in rows})
    split = EncodedSplit(
        tokens.astype(np.uint16), offsets, np.array([classes.index(row.label) for row in rows], np.int64)
    )
    lengths = np.diff(offsets)
    generator = np.random.default_rng(0)
    bucketed = plan(lengths, config.train.token_budget, generator)
    size = round(len(lengths) / len(bucketed))
    order = generator.permutation(len(lengths))
    random = [order[start : start + size] for start in range(0, len(order), size)]

    step = training_step(config, tokenizer.get_vocab_size(), len(classes))
    loaders = {
        "tokenising": DataLoader(Texts(texts, split, tokenizer), size, shuffle=True, collate_fn=collate_one_by_one),
        "ready": DataLoader(Rows(split), size, shuffle=True, collate_fn=collate_one_by_one),
    }
    for batch in bucketed[:3]:
        step(*collate(split, batch, 0))
    spans: dict[str, list[float]] = {name: [] for name in ("batches", "tokenising", "ready", "bucketed", "random")}
    for turn in range(options.rounds):
        spans["batches"].append(
            seconds(lambda: [collate(split, one, 0) for one in plan(lengths, config.train.token_budget, generator)])
        )
        for name, loader in loaders.items():
            spans[name].append(seconds(lambda loader=loader: deque(loader, maxlen=0)))  # type: ignore[misc]
        for name, batches in (("bucketed", bucketed), ("random", random)):
            some = spread(batches, options.steps, turn)
            spent = [seconds(lambda one=one: step(*collate(split, one, 0))) for one in some]  # type: ignore[misc]
            spans[name].append(sum(spent) / sum(len(one) for one in some) * len(lengths))
    report(spans, split, {"bucketed": bucketed, "random": random}, threads, options.json)


def training_step(config: Resolved, vocabulary: int, classes: int) -> Callable[[Tensor, Tensor, Tensor], None]:
    """One update of the encoder that conf/ describes."""
    assert config.model.kind == "encoder"
    values = config.model.model_dump(exclude={"kind", "lr", "tokenizer", "vectors"})
    torch.manual_seed(0)
    shape = EncoderShape(
        vocab_size=vocabulary, max_length=config.model.tokenizer.max_length, classes=classes, unk_id=1, **values
    )
    model = Encoder(shape)
    opts = optimizers(model, config.model, config.train.weight_decay)

    def step(ids: Tensor, mask: Tensor, labels: Tensor) -> None:
        torch.nn.functional.cross_entropy(model(ids, mask), labels).backward()  # type: ignore[no-untyped-call]
        for optimizer in opts:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return step


def spread(batches: list[Ints], count: int, turn: int) -> list[Ints]:
    """`count` batches of every length: each turn takes others."""
    by_length = sorted(batches, key=len)
    step = max(1, len(by_length) // count)
    return by_length[turn % step :: step]


def padded(split: EncodedSplit, batches: Iterable[Ints]) -> float:
    """Padded tokens for each real one."""
    lengths = np.diff(split.offsets)
    return float(sum(len(one) * lengths[one].max() for one in batches) / lengths.sum())


def report(
    spans: dict[str, list[float]], split: EncodedSplit, batches: dict[str, list[Ints]], threads: int, path: Path | None
) -> None:
    """Print medians and ratios; a ratio is the median of the rounds' own ratios, beside the least and the greatest."""
    middle = {name: median(values) for name, values in spans.items()}

    def ratio(over: str, under: str) -> tuple[float, float, float]:
        found = [left / right for left, right in zip(spans[over], spans[under], strict=True)]
        return median(found), min(found), max(found)

    def row(name: str, found: tuple[float, float, float], form: str, goal: str, met: bool) -> None:
        low, high = (format(each, form) for each in found[1:])
        mark = "" if met else " MISSED"
        table.add_row(f"  {name}", "", goal + mark, f"{found[0]:{form}}", f"{low} to {high}")

    figures = {
        "rows": len(split.labels),
        "threads": threads,
        "seconds_an_epoch": middle,
        "ratios": {f"{over} / {under}": ratio(over, under) for over, under in RATIOS},
        "padding": {name: padded(split, some) for name, some in batches.items()},
    }
    table = Table(title=f"{len(split.labels):,} sentences, {threads} threads: seconds an epoch")
    for heading in ("", "seconds", "goal", "found", "range"):
        table.add_column(heading, justify="left" if not heading else "right")
    table.add_row("batches from the memory map", f"{middle['batches']:.3f}")
    share = ratio("batches", "bucketed")
    row("share of the encoder's training", share, ".2%", "<= 2 %", share[0] <= 0.02)
    table.add_row("DataLoader that tokenises row by row", f"{middle['tokenising']:.3f}")
    tokenising = ratio("tokenising", "batches")
    row("against the memory map, times", tokenising, ".0f", ">= 20", tokenising[0] >= 20)
    table.add_row("DataLoader over ready rows", f"{middle['ready']:.3f}")
    row("against the memory map, times", ratio("ready", "batches"), ".0f", "", True)
    table.add_row("encoder, length buckets", f"{middle['bucketed']:.1f}")
    table.add_row("encoder, random batches padded to longest", f"{middle['random']:.1f}")
    gain = ratio("random", "bucketed")
    row("against length buckets, times", gain, ".2f", ">= 2.5", gain[0] >= 2.5)
    Console().print(table)
    if path:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
