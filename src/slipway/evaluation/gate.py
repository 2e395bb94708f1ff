"""The decision: does the model promote, is the champion kept, or is the model blocked?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from slipway.config.gate import Answer, Budgets, GateConfig
from slipway.evaluation.predictions import Predictions
from slipway.metrics import (
    Difference,
    McNemar,
    accuracy,
    macro_f1,
    mcnemar_exact,
    paired_bootstrap,
)

Opponent = Literal["champion", "baseline"]
Outcome = Literal["better", "worse", "tie"]
SEVERITY: dict[Answer, int] = {"promote": 0, "keep": 1, "block": 2}


@dataclass(frozen=True)
class Comparison:
    """The candidate against one opponent on the same test rows.

    `unknown` are classes that the opponent has never heard of, so it has their rows wrong; `retired` are classes that
    only the opponent knows.
    """

    opponent: Opponent
    outcome: Outcome
    accuracy: float
    accuracy_opponent: float
    mcnemar: McNemar
    macro_f1: float
    macro_f1_opponent: float
    difference: Difference
    unknown: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """One limit, what was measured, and whether it holds."""

    name: str
    measured: float
    most: float
    holds: bool


@dataclass(frozen=True)
class Verdict:
    """What the gate says, each reason a sentence, and what it rests on."""

    verdict: Answer
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    budgets: tuple[Budget, ...]


def decide(
    predictions: Predictions, metrics: Mapping[str, Any], package: Mapping[str, Any], config: GateConfig
) -> Verdict:
    """The verdict on a candidate from its test predictions, `metrics.json` and `package.json`.

    Significantly worse than an opponent in accuracy or macro-F1, or over a budget: block. Not distinguishable: what
    `gate.on_tie` says. Otherwise promote. The severest answer wins.
    """
    comparisons = [compare(predictions, "baseline", predictions.baseline, config)]
    if champion := predictions.champion:
        found = compare(predictions, "champion", champion.predicted, config)
        known, asked = set(champion.labels), set(predictions.labels)
        comparisons.insert(
            0, replace(found, unknown=tuple(sorted(asked - known)), retired=tuple(sorted(known - asked)))
        )
    budgets = held(config.budgets, metrics, package)
    answers: list[tuple[Answer, str]] = []
    if predictions.champion is None:
        answers.append(("promote", "There is no champion yet."))
    answers += [answer(comparison, config) for comparison in comparisons]
    answers += [
        ("block", f"{budget.name}: {budget.measured:.4g} is over the budget of {budget.most:g}.")
        for budget in budgets
        if not budget.holds
    ]
    verdict = max((each for each, _ in answers), key=SEVERITY.__getitem__)
    ordered = sorted(answers, key=lambda each: -SEVERITY[each[0]])
    return Verdict(verdict, tuple(reason for _, reason in ordered), tuple(comparisons), tuple(budgets))


def compare(predictions: Predictions, opponent: Opponent, answers: NDArray[np.str_], config: GateConfig) -> Comparison:
    """Hold the candidate's answers against an opponent's, label by name, at the level `gate.alpha`."""
    names, encoded = np.unique(np.concatenate([predictions.truth, predictions.predicted, answers]), return_inverse=True)
    truth, candidate, other = np.split(encoded, 3)
    mcnemar = mcnemar_exact(truth, candidate, other)
    difference = paired_bootstrap(
        truth, candidate, other, len(names), config.resamples, config.seed, level=1 - config.alpha
    )
    gaps = [(mcnemar.only_first - mcnemar.only_second, mcnemar.p_value), (difference.value, difference.p_value)]
    seen = [gap for gap, p_value in gaps if p_value < config.alpha]
    outcome: Outcome = "tie" if not seen else "worse" if min(seen) < 0 else "better"
    return Comparison(
        opponent=opponent,
        outcome=outcome,
        accuracy=accuracy(truth, candidate),
        accuracy_opponent=accuracy(truth, other),
        mcnemar=mcnemar,
        macro_f1=macro_f1(truth, candidate, len(names)),
        macro_f1_opponent=macro_f1(truth, other, len(names)),
        difference=difference,
    )


def answer(comparison: Comparison, config: GateConfig) -> tuple[Answer, str]:
    """What one comparison says, and why."""
    opponent = comparison.opponent
    on_tie = config.on_tie.champion if opponent == "champion" else config.on_tie.baseline
    says: dict[Outcome, tuple[Answer, str]] = {
        "better": ("promote", "Better than"),
        "worse": ("block", "Worse than"),
        "tie": (on_tie, "Not distinguishable from"),
    }
    verdict, how = says[comparison.outcome]
    reason = (
        f"{how} the {opponent}: accuracy {points(comparison.accuracy - comparison.accuracy_opponent)} "
        f"(p = {comparison.mcnemar.p_value:.2g}), macro-F1 {points(comparison.difference.value)} "
        f"(p = {comparison.difference.p_value:.2g})."
    )
    if comparison.outcome == "tie":
        reason += f" The configuration says {verdict} (gate.on_tie.{opponent})."
    if comparison.unknown:
        reason += f" The {opponent} does not know {some(comparison.unknown)}, so it has those rows wrong."
    if comparison.retired:
        reason += f" It knows {some(comparison.retired)}, which the model does not."
    return verdict, reason


def held(budgets: Budgets, metrics: Mapping[str, Any], package: Mapping[str, Any]) -> list[Budget]:
    """The budgets that are set, each with what was measured."""
    measured = {
        "latency in ms": (float(package["latency_ms"]["batch_1"]["p90"]), budgets.latency_ms),
        "size in MB": (package["bytes"] / 1e6, budgets.size_mb),
        "calibration error": (float(metrics["ece"]), budgets.calibration_error),
        "share of rows that change with their batch": (batch_changes(metrics), budgets.batch_changes),
    }
    return [Budget(name, value, most, value <= most) for name, (value, most) in measured.items() if most is not None]


def batch_changes(metrics: Mapping[str, Any]) -> float:
    """The larger share of rows whose label changed with the padding or with the batch."""
    unchanged: Mapping[str, float] = metrics["unchanged"]
    return round(1 - min(unchanged["padding"], unchanged["batch"]), 6)


def points(gap: float) -> str:
    """A difference of two shares in percentage points, with its sign."""
    return f"{100 * gap:+.2f} points"


def some(names: tuple[str, ...], most: int = 5) -> str:
    """The first few of many names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
