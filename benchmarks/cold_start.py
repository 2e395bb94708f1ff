"""How long a function takes from nothing to its first answer, and the most memory it holds: ours and its peers.

    python benchmarks/cold_start.py [--models bag minilm] [--rounds 10] [--cores 1] [--json FILE]

- process: wall time from the start of a fresh interpreter until the answer to one event is read. For all, files
  are in the page cache and compiled to .pyc, numpy's BLAS has one thread and onnxruntime reports to nobody; the rest is
  by each variant's own defaults (onnxruntime's is a thread a core, here of the cores that the process may use).
- emulator: the same handlers under AWS's Runtime Interface Emulator, from the first invocation, which starts the
  interpreter, until its answer: awslambdaric and the emulator's HTTP come on top for all.
With --cores 1 each process has one core (Linux), as a function of 1769 MB has: ours hashes its files beside the
imports, which gains nothing there.
Variants take turns, each round begins with another one; a ratio is the median of the rounds' own ratios. Peak memory is
what Linux counts as resident, files that are mapped included.
- floor: numpy, onnxruntime, a session, one run over tokens that are already there, on the bundle's own graph.
- ours: lambda/ as it ships, with `app.handler` on an event of a function URL; it compares the bundle's files with
  their SHA-256 before it opens them.
- FastAPI, Mangum, AutoTokenizer: on the graph as torch exports it, in one file; and, beside what the issue asks for, on
  the graph that this project optimised ahead of time, with its weights mapped.
- bare: AutoTokenizer and onnxruntime without FastAPI and Mangum. mlflow pyfunc: the same as an MLflow model.
- torch, AutoTokenizer: the torch model as TorchScript, in the project's own environment, as torch would take minutes to
  install once more; what it does not import costs its start next to nothing.
All answer the same text with the same weights, and must agree on the label. `bag` is the default model; `minilm` a BERT
of MiniLM's size (6 layers, 384 wide, 30,522 token embeddings, so 90 MB) with random weights and this data's tokenizer.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from serving.bundles import MODELS, Served, make
from serving.environments import ROOT, RUNTIME, compile_sources, packages_of, python_of
from serving.figures import FIGURES, Goal, cells, machine, ratio, record, rounds, spread
from serving.process import start
from serving.variants import BARE, FLOOR, OURS, PEER, PEER_SAME, VARIANTS, Variant, event, labels_in

from slipway.rehearsal.function.emulator import Emulator

# of our time against the floor's, of the peers' against ours, and of our memory against the peers'
FLOOR_GOAL = {"process": Goal(1.6), "emulator": None}
TIMES = {"process": Goal(5, at_least=True), "emulator": Goal(4, at_least=True)}
MEMORY = Goal(0.6)


@dataclass(frozen=True)
class Cold:
    """One start: seconds until the answer, and the most memory held until then."""

    seconds: float
    megabytes: float
    label: str


def process(served: Served, events: dict[str, Path], cores: set[int], variant: Variant) -> Cold:
    """Start an interpreter, and wait for its answer."""
    asked = events["tokens" if variant is FLOOR else "http"]
    first = start(variant, variant.variables(served), asked, cores)
    (label,) = labels_in(first.answer)
    return Cold(first.seconds, first.peak_megabytes, label)


def write_events(served: Served, folder: Path) -> dict[str, Path]:
    """One request for a text of middling length, as HTTP and as tokens for the floor."""
    from predictor import Predictor

    texts = [sorted(served.texts, key=len)[len(served.texts) // 2]]
    ids = [tokens.ids for tokens in Predictor(served.bundle).encode(texts)]
    inputs = {"input_ids": ids, "attention_mask": [[1] * len(row) for row in ids]}
    events = {"http": folder / "http.json", "tokens": folder / "tokens.json"}
    for name, content in {"http": [event(texts)], "tokens": [{"inputs": inputs}]}.items():
        events[name].write_text(json.dumps(content), encoding="utf-8")
    return events


def emulated(served: Served, events: dict[str, Path], cores: set[int], variant: Variant) -> Cold:
    """Invoke a function for the first time, under the emulator: it is then that its process starts."""
    (asked,) = json.loads(events["tokens" if variant is FLOOR else "http"].read_bytes())
    python, variables = str(python_of(variant.environment)), variant.variables(served)
    # AWS's image has the runtime's client beside the function's own packages
    variables["PYTHONPATH"] = str(packages_of(RUNTIME))
    handler = f"{variant.module}.handler"
    wrap = ["taskset", "--cpu-list", ",".join(map(str, cores))] if cores else []
    with Emulator(served.bundle, handler, variables, code=variant.folder, python=python, wrap=wrap) as function:
        began = time.perf_counter()
        answer = function.invoke(asked)
        seconds = time.perf_counter() - began
    (label,) = labels_in(answer)
    return Cold(seconds, 0.0, label)


def compare(title: str, how: str, variants: list[Variant], found: list[list[Cold]]) -> Table:
    """One line a variant: medians, how many times our time it takes, and our share of its memory."""
    columns = dict(zip(variants, zip(*found, strict=True), strict=True))
    seconds = {variant: [one.seconds for one in column] for variant, column in columns.items()}
    megabytes = {variant: [one.megabytes for one in column] for variant, column in columns.items()}
    made = Table(title=title)
    memory = ("peak MB", "our share", "range", "goal") if how == "process" else ()
    for heading in ("", "ms", "/ ours", "range", "goal", *memory):
        made.add_column(heading, justify="right" if heading else "left")
    for variant in variants:
        goals = (TIMES[how], MEMORY) if variant in (PEER, PEER_SAME) else (None, None)
        row = [variant.name, f"{1000 * spread(seconds[variant]).median:,.0f}"]
        row += cells(ratio(seconds[variant], seconds[OURS]), goals[0]) if variant is not OURS else ["", "", ""]
        if memory:
            row.append(f"{spread(megabytes[variant]).median:,.0f}")
            if variant is not OURS:
                row += cells(ratio(megabytes[OURS], megabytes[variant]), goals[1])
        made.add_row(*row)
    figure, between, goal = cells(ratio(seconds[OURS], seconds[FLOOR]), FLOOR_GOAL[how])
    made.caption = f"ours / floor: {figure} ({between})" + (f", goal {goal}" if goal else "")
    return made


WAYS = {
    "process": (process, VARIANTS),
    # the others, to which no goal applies, would take minutes
    "emulator": (emulated, [FLOOR, OURS, PEER, PEER_SAME, BARE]),
}


def main() -> None:
    """Measure, print, and write the runs as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["bag", "minilm"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--cores", type=int, default=0, help="that each process may use; all where not given")
    parser.add_argument("--json", type=Path, default=FIGURES / "cold_start.json", help="where all runs go")
    options = parser.parse_args()
    cores = set(sorted(os.sched_getaffinity(0))[: options.cores]) if options.cores else set()
    os.chdir(ROOT)
    compile_sources()
    for variant in VARIANTS:
        python_of(variant.environment)
    console = Console(width=160)
    figures: dict[str, Any] = {}
    told_cores = f", {options.cores} core(s)" if cores else ""
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.models:
            served = make(name, Path(scratch))
            events = write_events(served, served.peer)
            for how, (measure, variants) in WAYS.items():
                once = partial(measure, served, events, cores)
                for variant in variants:  # fills the page cache
                    once(variant)
                found = rounds(f"{name}, {how}", options.rounds, variants, once)
                told = {one.label for turn in found for one in turn}
                if len(told) > 1:
                    raise RuntimeError(f"{name}: the variants do not agree: {told}")
                runs = [{each.name: asdict(one) for each, one in zip(variants, turn, strict=True)} for turn in found]
                figures.setdefault(name, {})[how] = runs
                console.print(compare(f"{name}, {how}: {options.rounds} rounds{told_cores}", how, variants, found))
    console.print(machine())
    record({"cores": options.cores or os.cpu_count(), "models": figures}, options.json)


if __name__ == "__main__":
    main()
