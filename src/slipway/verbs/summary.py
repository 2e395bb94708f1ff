"""`slipway summary`: what the pipeline found, on one screen, and what to do next."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipway.files import read_json
from slipway.packaging.parity import parity_in_words
from slipway.verbs import predict

METRICS = Path("reports/metrics.json")
GATE = Path("reports/gate.json")
PACKAGE = Path("models/package.json")
MANIFEST = Path("models/bundle/manifest.json")
STYLE = {"promote": "bold green", "keep": "bold yellow", "block": "bold red"}
NEXT = """\
Next:
  open reports/report.html             the whole report: curves, confusion, confident errors
  slipway predict "your own sentence"  ask the bundle
  dvc exp run -S model=encoder         train another model; -S ++set.model.lr=0.001 sets one value
  make ui                              the recorded runs in MLflow
  docs/adapt.md                        bring your own data and model
`slipway` and `dvc` are in .venv/bin: `source .venv/bin/activate` puts them on PATH."""


def run() -> None:
    """Print figures beside the baseline's, parity, size, latency, the verdict and one prediction."""
    metrics, gate = read_json(METRICS, "evaluate"), read_json(GATE, "gate")
    package, manifest = read_json(PACKAGE, "package"), read_json(MANIFEST, "package")
    console = Console()
    console.print(figures(metrics, package, manifest["name"]))
    verdict = gate["verdict"]
    console.print(Text.assemble("\nverdict  ", (verdict, STYLE[verdict])))
    for reason in gate["reasons"]:
        console.print(Text(f"  {reason}"), soft_wrap=True)
    if manifest["recorded"]:
        console.print()
        predict.run([manifest["recorded"][0]["text"]])
    print(f"\n{NEXT}")


def figures(metrics: dict[str, Any], package: dict[str, Any], name: str) -> Table:
    """The model's figures beside the baseline's; intervals are 95 % bootstrap intervals over the test rows."""
    table = Table(title=f"{name}, {metrics['rows']:,} test rows", title_justify="left")
    for heading in ("", "model", "TF-IDF + linear SVM"):
        table.add_column(heading)
    for key, title in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
        cells = (
            f"{each[key]:.2%}  [{each[f'{key}_low']:.2%}, {each[f'{key}_high']:.2%}]"
            for each in (metrics, metrics["baseline"])
        )
        table.add_row(title, *(Text(cell) for cell in cells))
    latency = package["latency_ms"]["batch_1"]
    table.add_row("parity", parity_in_words(package))
    table.add_row("size", f"{package['bytes'] / 1e6:.1f} MB ({package['precision']})")
    table.add_row("latency, one text", f"{latency['p50']:.2f} ms (p90 {latency['p90']:.2f})")
    return table
