"""`slipway evaluate`: measures models/bundle on the test rows, and writes reports/."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from slipway.config.card import Card
from slipway.config.gate import GateConfig
from slipway.config.resolved import read
from slipway.data.prepared import load_meta, load_rows
from slipway.errors import UserError
from slipway.evaluation.card import model_card
from slipway.evaluation.champion import CHAMPION, bundle_of, read_champion
from slipway.evaluation.findings import Findings, find
from slipway.evaluation.plots import plot_tables, write_tables
from slipway.evaluation.predictions import write_predictions
from slipway.evaluation.report import render
from slipway.files import read_json, whole_folder, write_json, write_whole
from slipway.predictor import BundleError, Predictor
from slipway.training.history import read_csv

PREPARED = Path("data/prepared")
BUNDLE = Path("models/bundle")
PACKAGE = Path("models/package.json")
HISTORY = Path("models/train/history.csv")
REPORTS = Path("reports")


def run() -> None:
    """Write metrics.json, report.html, model_card.md, predictions.parquet and plots/ in reports/, and sum them up."""
    config, card = read("gate", GateConfig), read("card", Card)
    try:
        predictor = Predictor(BUNDLE)
    except BundleError as error:
        raise UserError(f"{error} `dvc repro package` makes it anew.") from error
    package = read_json(PACKAGE, "package")
    history = read_csv(HISTORY)
    train, test = (load_rows(PREPARED, split) for split in ("train", "test"))
    with champion() as opponent:
        findings = find(predictor, train, test, package, config, opponent)
    tables = plot_tables(findings) | {"history": pd.DataFrame(map(asdict, history))}
    with whole_folder(REPORTS / "plots") as folder:
        write_tables(tables, folder)
    write_predictions(findings.predictions, REPORTS / "predictions.parquet")
    rows = load_meta(PREPARED).rows
    write_whole(
        REPORTS / "model_card.md",
        model_card(card, read("data.about", str), predictor.manifest, rows, findings.predictions, findings.metrics),
    )
    write_whole(REPORTS / "report.html", render(findings, predictor.manifest, history, card))
    write_json(REPORTS / "metrics.json", findings.metrics)
    show(findings, Console())


@contextmanager
def champion() -> Iterator[tuple[str, Predictor] | None]:
    """The champion's hash and predictor, or None where champion.json names none."""
    digest = read_champion()
    if digest is None:
        yield None
        return
    with bundle_of(digest) as folder:
        try:
            predictor = Predictor(folder)
        except BundleError as error:
            raise UserError(
                f"{CHAMPION}: the bundle {digest} cannot be used: {error.args[0].replace(str(folder), 'it')} "
                "`slipway champion REVISION` names another."
            ) from error
        yield digest, predictor


def show(findings: Findings, console: Console) -> None:
    """Print the figures beside the baseline's."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "model", "baseline"):
        table.add_column(heading)
    for name, title in (("accuracy", "accuracy"), ("macro_f1", "macro-F1")):
        cells = (
            "{:.1f} % ({:.1f} to {:.1f})".format(*(100 * each[key] for key in (name, f"{name}_low", f"{name}_high")))
            for each in (findings.metrics, findings.metrics["baseline"])
        )
        table.add_row(title, *cells)
    console.print(table)
    console.print(Text(f"Open {REPORTS / 'report.html'} to see the rest."))
