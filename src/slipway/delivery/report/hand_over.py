"""Packs the handover, where the pull request's code has run: the lock, the reports, and figures for the comment."""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from slipway.compute.folder import parse_name
from slipway.compute.sagemaker.fleet import Fleet
from slipway.compute.sagemaker.trained import Trained
from slipway.config.gate import GateConfig
from slipway.config.resolved import read
from slipway.delivery.release.model_gate import out_of_date
from slipway.delivery.report.handover import (
    COMMITTED,
    REPORT,
    Epoch,
    Figure,
    Figures,
    Pair,
    Report,
    Training,
    to_json,
)
from slipway.delivery.report.mermaid import evenly
from slipway.errors import UserError
from slipway.evaluation.predictions import Predictions, indices, read_predictions
from slipway.files import write_whole
from slipway.metrics import bootstrap_intervals, confusion
from slipway.training.epoch import EpochMetrics
from slipway.training.history import read_csv

PREDICTIONS = Path("reports/predictions.parquet")
HISTORY = Path("models/train/history.csv")
MOST_PAIRS = 12
MOST_LOG = 40  # lines
MOST_EPOCHS = 1000
MOST_REASON = 4000  # characters
# the words of slipway.compute.sagemaker for an end that is none of the model's
ENDED = {"failed": "failed", "stopped": "stopped", "again": "failed"}


def pack(folder: Path, job: str, fleet: Fleet) -> Report:
    """Write the handover about the attempt `job` into a new folder, from the project's root; returns what it reports.

    A job that brought no result is reported with its reason and the end of its log, and so is a pipeline that did not
    run to its end. Raises UserError where the folder is there, or AWS knows no such job.
    """
    hash, _ = parse_name(job)
    last = fleet.last(hash)
    if last is None:
        raise UserError(f"AWS knows no job {job}.")
    if last.fate == "running":
        raise UserError(f"{last.name} runs: it is reported when it has ended.")
    if last.fate != "done":
        told = failed(last, fleet.why_not(hash))
    elif stale := out_of_date():
        told = Report(
            version=1,
            outcome="failed",
            reason=f"The job has ended well, but the pipeline did not run to its end after it: {', '.join(stale)} "
            "would still run. The log of this run says why.",
            training=took(last, fleet.spent_usd(hash)),
        )
    else:
        told = reported(read_predictions(PREDICTIONS), read("gate", GateConfig), took(last, fleet.spent_usd(hash)))
    try:
        (folder / "reports").mkdir(parents=True)
    except FileExistsError as error:
        raise UserError(f"{folder} is there already: name another folder.") from error
    if told.outcome == "reported":
        for name in COMMITTED:
            shutil.copyfile(name, folder / name)
    write_whole(folder / REPORT, to_json(told))
    return told


def failed(last: Trained, why: str) -> Report:
    """The report on an attempt without a result; `why` is its reason and then its log."""
    reason, *log = why.splitlines() or [last.why]
    return Report.model_validate(
        {
            "version": 1,
            "outcome": ENDED[last.fate],
            "reason": reason[:MOST_REASON],
            "log": tuple(line[:2000] for line in log[-MOST_LOG:]),
            "training": took(last, last.usd),
        }
    )


def took(last: Trained, usd: float | None) -> Training:
    """What all attempts at a job took."""
    return Training(
        machines=last.machines,
        spot=last.spot,
        attempts=last.attempt,
        seconds=last.seconds,
        billed_seconds=last.billed_seconds,
        usd=usd,
    )


def reported(predictions: Predictions, config: GateConfig, training: Training) -> Report:
    """The report on a model."""
    champion = predictions.champion
    return Report(
        version=1,
        outcome="reported",
        training=training,
        history=tuple(
            Epoch(epoch=each.epoch, train_loss=finite(each.train_loss), log_loss=finite(each.log_loss))
            for each in thinned(read_csv(HISTORY))
        ),
        champion=champion_figures(predictions, config) if champion else None,
        opponent="champion" if champion else "baseline",
        pairs=changed_pairs(predictions),
    )


def thinned(history: Sequence[EpochMetrics]) -> list[EpochMetrics]:
    """As many epochs as a report holds, with the first and the last."""
    return [history[place] for place in evenly(len(history), MOST_EPOCHS)]


def champion_figures(predictions: Predictions, config: GateConfig) -> Figures | None:
    """The champion on the same rows, by the same draws as the model's intervals."""
    champion = predictions.champion
    if champion is None:
        return None
    names = tuple(sorted({*predictions.labels, *champion.labels}))
    truth, answers = (indices(each, names) for each in (predictions.truth, champion.predicted))
    found = bootstrap_intervals(truth, answers, len(names), config.resamples, config.seed)
    figures = {name: Figure(value=each.value, low=each.low, high=each.high) for name, each in found.items()}
    return Figures(accuracy=figures["accuracy"], macro_f1=figures["macro_f1"])


def changed_pairs(predictions: Predictions) -> tuple[Pair, ...]:
    """The pairs of classes whose number of confusions differs most from the champion's, or else the baseline's."""
    opponent = predictions.champion.predicted if predictions.champion else predictions.baseline
    known = {*predictions.labels, *(predictions.champion.labels if predictions.champion else ())}
    names = tuple(sorted(known))
    truth, ours, theirs = (indices(each, names) for each in (predictions.truth, predictions.predicted, opponent))
    before, after = (confusion(truth, each, len(names)) for each in (theirs, ours))
    change = after - before
    np.fill_diagonal(change, 0)
    order = np.argsort(-np.abs(change), axis=None, kind="stable")[:MOST_PAIRS]
    cells = [divmod(int(place), len(names)) for place in order]
    return tuple(
        Pair(
            truth=names[row][:1000],
            predicted=names[column][:1000],
            rows=int(after[row, column]),
            rows_opponent=int(before[row, column]),
        )
        for row, column in cells
        if change[row, column]
    )


def finite(value: float) -> float | None:
    """A loss, or None where it is none."""
    return float(value) if math.isfinite(value) and 0 <= value <= 1e12 else None
