"""What a function takes up: memory, disk, and money for a million requests; ours and its peers.

    python benchmarks/footprint.py [--models bag minilm] [--rounds 10] [--json FILE]

- RSS after 100 requests of one text each, in MB that Linux counts as resident, mapped files included.
- Installed size of each environment in MB: all that its pinned requirements install, without pip and setuptools, with
  the .pyc files that pip compiled and without; no model. torch has no environment of its own here.
- Cost of a million warm requests of one text, and of a thousand cold starts: billed milliseconds (each request's,
  rounded up) x 1769 MB, which buys one core, at a STATED price, Lambda's on x86 in us-east-1: 0.0000166667 USD a
  GB-second, and 0.20 USD a million requests. It is computed from times on this machine, not measured on AWS.
Every variant runs on one core, as 1769 MB give it. They take turns, each round begins with another one; a ratio is the
median of the rounds' own ratios. What the variants are says benchmarks/cold_start.py.
"""

import argparse
import json
import os
import tempfile
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path
from statistics import mean, median
from typing import Any

from rich.console import Console
from rich.table import Table

from serving.bundles import MODELS, Served, make
from serving.environments import LAMBDA, PROJECT, ROOT, compile_sources, packages_of, python_of
from serving.figures import FIGURES, Goal, cells, machine, ratio, record, rounds
from serving.process import start
from serving.variants import BARE, OURS, PEER, PYFUNC, TORCH, Variant, event

REQUESTS = 100
VARIANTS = [OURS, PEER, BARE, PYFUNC, TORCH]
GIGABYTES = 1769 / 1024
# https://aws.amazon.com/lambda/pricing/, x86, us-east-1
USD_A_GIGABYTE_SECOND = 0.0000166667
USD_A_MILLION_REQUESTS = 0.20
MEMORY, SIZE = Goal(0.6), Goal(0.6)


@dataclass(frozen=True)
class Footprint:
    """One process: MB resident after all requests, USD a million requests, and a thousand cold starts."""

    megabytes: float
    milliseconds: float
    usd: float
    usd_cold: float


def usd(milliseconds: list[float]) -> float:
    """For a million requests that take this long."""
    seconds = mean(ceil(each) for each in milliseconds) / 1000
    return 1e6 * seconds * GIGABYTES * USD_A_GIGABYTE_SECOND + USD_A_MILLION_REQUESTS


def steady(served: Served, events: Path, variant: Variant) -> Footprint:
    """Let a variant answer all events on one core."""
    cores = [min(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else []
    found = start(variant, variant.variables(served), events, cores)
    cold = usd([1000 * found.seconds]) / 1000
    return Footprint(found.resident_megabytes, median(found.milliseconds), usd(found.milliseconds), cold)


def megabytes_of(variant: Variant) -> tuple[float, float]:
    """Of an installed environment, with the function's own code: with .pyc files, and without."""
    folders = [packages_of(variant.environment), *([LAMBDA] if variant is OURS else [])]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    sizes = {file: file.stat().st_size / 1e6 for file in files}
    return sum(sizes.values()), sum(size for file, size in sizes.items() if file.suffix != ".pyc")


def sizes() -> tuple[Table, dict[str, tuple[float, float]]]:
    """One line an environment."""
    found = {each.name: megabytes_of(each) for each in VARIANTS if each.environment != PROJECT}
    made = Table(title="installed size")
    for heading in ("", "MB", "our share", "goal", "MB without .pyc", "our share", "goal"):
        made.add_column(heading, justify="right" if heading else "left")
    for name, both in found.items():
        row = [name]
        for whole, ours in zip(both, found[OURS.name], strict=True):
            goal = SIZE if name == PEER.name else None
            figure, _, told = cells(ratio([ours], [whole]), goal)
            row += [f"{whole:,.0f}", *(("", "") if name == OURS.name else (figure, told))]
        made.add_row(*row)
    return made, found


def compare(title: str, found: list[list[Footprint]]) -> Table:
    """One line a variant: medians, and our share of its memory and its cost."""
    made = Table(title=title)
    headings = ("", "RSS MB", "our share", "range", "goal", "ms", "USD a million", "our share", "range")
    for heading in (*headings, "USD 1,000 cold"):
        made.add_column(heading, justify="right" if heading else "left")
    ours, *_ = columns = list(zip(*found, strict=True))
    for variant, column in zip(VARIANTS, columns, strict=True):
        memory = ratio([one.megabytes for one in ours], [one.megabytes for one in column])
        cost = ratio([one.usd for one in ours], [one.usd for one in column])
        apart = variant is not OURS
        made.add_row(
            variant.name,
            f"{median(one.megabytes for one in column):,.0f}",
            *(cells(memory, MEMORY if variant is PEER else None) if apart else ("", "", "")),
            f"{median(one.milliseconds for one in column):.2f}",
            f"{median(one.usd for one in column):.2f}",
            *(cells(cost)[:2] if apart else ("", "")),
            f"{median(one.usd_cold for one in column):.4f}",
        )
    return made


def main() -> None:
    """Measure, print, and write the runs as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["bag", "minilm"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path, default=FIGURES / "footprint.json", help="where all runs go")
    options = parser.parse_args()
    os.chdir(ROOT)
    compile_sources()
    for variant in VARIANTS:
        python_of(variant.environment)
    console = Console(width=170)
    table, installed = sizes()
    console.print(table)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.models:
            served = make(name, Path(scratch))
            events = served.peer / "events.json"
            events.write_text(json.dumps([event([text]) for text in served.texts[: REQUESTS + 1]]), encoding="utf-8")
            once = partial(steady, served, events)
            found = rounds(name, options.rounds, VARIANTS, once)
            runs = [{each.name: vars(one) for each, one in zip(VARIANTS, turn, strict=True)} for turn in found]
            figures[name] = runs
            console.print(compare(f"{name}: {REQUESTS} requests, {options.rounds} rounds", found))
    price = f"{USD_A_GIGABYTE_SECOND:.10f} USD a GB-second and {USD_A_MILLION_REQUESTS:.2f} USD a million requests"
    console.print(f"stated price: {price}, 1769 MB. {machine()}")
    record({"price": price, "installed_megabytes": installed, "models": figures}, options.json)


if __name__ == "__main__":
    main()
