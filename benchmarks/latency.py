"""What `predict`, and a request around it, take beyond the model itself.

    python benchmarks/latency.py [--models bag encoder minilm] [--rounds 10] [--json FILE]

All in one process with lambda/ and what it installs alone; the ways to answer take turns, each round begins with
another, and a ratio is the median of the rounds' own ratios. One thread for the model, as a function of 1769 MB has.
- predict / session.run, over 32 texts of the test split, one by one (batch 1) and at once (batch 32): `session.run` is
  given tokens that are already padded to the longest of the batch. Once with tokenising on the side of `predict`, which
  `session.run` never does, and once without: what sorting, chunking, padding and naming the classes take.
- batch x length: p50 and p90 of `predict` in ms, texts a second, and the ratio with tokenising; texts are real words
  joined to that many tokens.
- framework, logging and capture: CPU ms (process_time) of `app.handler` on an event of a function URL, every request
  captured with the text's hash, beyond `predict` of the same texts. Log lines go to the null device.
- 256 texts of mixed length as `predict` runs them (sorted, in chunks of the token budget) against one session.run in
  arrival order, padded to the longest: of the test split, and of lengths that spread evenly on a logarithmic scale.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from serving.bundles import MODELS, Served, make
from serving.environments import LAMBDA, ROOT, SERVING, compile_sources, environment, python_of
from serving.figures import FIGURES, Goal, cells, machine, ratio, record, spread
from serving.variants import OURS, event

PREDICT, OVERHEAD, MIXED = Goal(1.15), Goal(0.5), Goal(3, at_least=True)
BATCH, MANY = 32, 256


def measure(served: Served, turns: int, folder: Path) -> dict[str, Any]:
    """The figures of one model, see serving/warm.py."""
    chosen = np.random.default_rng(0).permutation(len(served.texts))
    texts = [served.texts[index] for index in chosen]
    one = sorted(texts, key=len)[len(texts) // 2]
    asked = {"1 text": [one], f"{BATCH} texts": texts[:BATCH]}
    question = {
        "rounds": turns,
        "texts": texts[:BATCH],
        "more": texts,
        "events": {name: {"texts": each, "event": event(each)} for name, each in asked.items()},
        "mixed": {"test split": (texts * MANY)[:MANY], "even spread": of_many_lengths(texts)},
    }
    asking, answer = folder / "question.json", folder / "figures.json"
    asking.write_text(json.dumps(question), encoding="utf-8")
    path = os.pathsep.join([str(LAMBDA), str(SERVING.parent)])
    variables = environment(
        PYTHONPATH=path,
        SLIPWAY_BUNDLE=str(served.bundle),
        SLIPWAY_CAPTURE_RATE="1",
    )
    command: list[str | Path] = [python_of(OURS.environment), SERVING / "warm.py", asking, answer]
    subprocess.run(command, env=variables, stdout=subprocess.DEVNULL, check=True)
    return dict(json.loads(answer.read_bytes()))


def of_many_lengths(texts: list[str]) -> list[str]:
    """Texts of 2 to 100 words, evenly on a logarithmic scale, in no order."""
    words = (" ".join(texts) + " ").split() * 10
    found = []
    for length in np.exp(np.random.default_rng(1).uniform(np.log(2), np.log(100), MANY)).astype(int).tolist():
        found.append(" ".join(words[:length]))
        words = words[length:]
    return found


def show(name: str, found: dict[str, Any], console: Console) -> None:
    """Print the tables of one model."""
    calls = {
        each: {way: [median(turn) for turn in turns] for way, turns in ways.items()}
        for each, ways in found["calls"].items()
    }
    table = Table(title=f"{name}: against goals")
    for heading in ("", "found", "range", "goal"):
        table.add_column(heading, justify="right" if heading else "left")
    for batch in ("batch 1", f"batch {BATCH}"):
        for way, what in (("predict", "tokenising included"), ("ready", "already tokenised")):
            told = cells(ratio(calls[batch][way], calls[batch]["raw"]), PREDICT)
            table.add_row(f"predict / session.run, {batch}, {what}", *told)
    for asked, milliseconds in found["overhead"].items():
        goal = OVERHEAD if asked == "1 text" else None
        table.add_row(f"framework, logging, capture: CPU ms a request, {asked}", *cells(spread(milliseconds), goal))
    for mixed, tokens in found["tokens"].items():
        facts = f"{mean(tokens):.0f} tokens on average, {max(tokens)} at most"
        told = cells(ratio(calls[mixed]["raw"], calls[mixed]["ready"]), MIXED)
        table.add_row(f"{MANY} texts, {mixed} ({facts}): arrival order / predict", *told)
    console.print(table)
    grid = Table(title=f"{name}: predict, batch x tokens")
    for heading in ("", "p50 ms", "p90 ms", "texts/s", "/ session.run", "range"):
        grid.add_column(heading, justify="right" if heading else "left")
    for cell in (each for each in calls if " x " in each):
        times = [each for turn in found["calls"][cell]["predict"] for each in turn]
        middle, high = median(times), float(np.quantile(times, 0.9))
        against, between, _ = cells(ratio(calls[cell]["predict"], calls[cell]["raw"]))
        speed = 1000 * int(cell.split(" x ")[0]) / middle
        grid.add_row(cell, f"{middle:.2f}", f"{high:.2f}", f"{speed:,.0f}", against, between)
    console.print(grid)


def main() -> None:
    """Measure, print, and write the times as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path, default=FIGURES / "latency.json", help="where all runs go")
    options = parser.parse_args()
    os.chdir(ROOT)
    compile_sources()
    console, figures = Console(width=160), {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.models:
            served = make(name, Path(scratch))
            figures[name] = measure(served, options.rounds, served.peer)
            show(f"{name}, {options.rounds} rounds", figures[name], console)
    console.print(machine())
    record({"models": figures}, options.json)


if __name__ == "__main__":
    main()
