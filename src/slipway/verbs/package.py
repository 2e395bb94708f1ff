"""`slipway package`: models/train and data/prepared become models/bundle."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from slipway.config.resolved import read
from slipway.config.serve import ServeConfig
from slipway.files import sha256, write_json
from slipway.models.store import load
from slipway.packaging.bundle import Package, build
from slipway.packaging.parity import parity_in_words

TRAINED = Path("models/train")
PREPARED = Path("data/prepared")
BUNDLE = Path("models/bundle")
RECORD = Path("models/package.json")


def run() -> None:
    """Write models/bundle and models/package.json, and print what was decided and measured."""
    model = load(TRAINED)
    made_from = {
        "config": config_hash(
            {section: read(section, dict[str, Any]) for section in ("data", "model", "train", "serve")}
        ),
        "model": sha256(TRAINED / "model.safetensors"),
    }
    name = f"{read('data.name', str)}-{read('model.kind', str)}"
    package = build(model, PREPARED, BUNDLE, read("serve", ServeConfig), name, made_from, read("train.threads", int))
    write_json(RECORD, asdict(package))
    show(package, Console())


def config_hash(sections: dict[str, Any]) -> str:
    """Hex SHA-256 of sections of the configuration, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(sections, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def show(package: Package, console: Console) -> None:
    """Print the package as a short table."""
    table = Table.grid(padding=(0, 2))
    table.add_row("bundle", f"{BUNDLE}, {package.bytes / 1e6:.1f} MB, digest {package.digest[:12]}")
    table.add_row("parity", f"{parity_in_words(asdict(package))}, over {package.parity.rows:,} test rows")
    table.add_row("calibration", f"logits are divided by {package.temperature:g}, fitted to the validation rows")
    for trial in package.int8:
        table.add_row(
            f"int8 {trial.scope}",
            f"refused: {trial.refused}"
            if trial.refused
            else f"kept: accuracy on the validation rows {trial.accuracy:.4f}, a fall of {trial.accuracy_drop:.4f}",
        )
    for batch, latency in package.latency_ms.items():
        texts = batch.removeprefix("batch_")
        table.add_row(
            f"{texts} text{'' if texts == '1' else 's'}",
            f"{latency['p50']:.2f} ms (p90 {latency['p90']:.2f}), one core",
        )
    console.print(table)
