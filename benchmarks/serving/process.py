"""Starts a variant as a process of its own, and times it from outside."""

import json
import os
import subprocess
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.environments import SERVING, python_of
from serving.start import ANSWER, FIGURES
from serving.variants import Variant


@dataclass(frozen=True)
class Started:
    """Seconds until the first answer, that answer, the most memory until then; and what all events left behind."""

    seconds: float
    answer: dict[str, Any]
    peak_megabytes: float
    resident_megabytes: float
    milliseconds: list[float]


def start(variant: Variant, variables: dict[str, str], events: Path, cores: Collection[int] = ()) -> Started:
    """Start an interpreter, on these cores alone where named, and let it answer events one after another."""
    command: list[str | Path] = [python_of(variant.environment), SERVING / "start.py"]
    command += [variant.folder, variant.module, events]

    before = os.sched_getaffinity(0) if cores else set()
    if cores:  # a child has its parent's
        os.sched_setaffinity(0, cores)
    try:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
    finally:
        if cores:
            os.sched_setaffinity(0, before)
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        # the function's own log lines come first
        line = next((line for line in child.stdout if line.startswith(ANSWER)), None)
        seconds = time.perf_counter() - began
        rest, fault = child.stdout.read(), child.stderr.read()
    if line is None or FIGURES not in rest:
        raise RuntimeError(f"{variant.name} did not answer: {fault}")
    return Started(seconds, json.loads(line.removeprefix(ANSWER)), **json.loads(rest.rpartition(FIGURES)[2]))
