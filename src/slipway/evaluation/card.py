"""The model card: who answers for the model, what it is for, what it was measured to do (Mitchell et al. 2019)."""

import html
from collections.abc import Mapping
from typing import Any

from slipway.config.card import Card
from slipway.evaluation.predictions import Predictions
from slipway.metrics import per_class


def model_card(
    card: Card,
    about: str,
    manifest: Mapping[str, Any],
    split_rows: Mapping[str, int],
    predictions: Predictions,
    metrics: Mapping[str, Any],
) -> str:
    """The card as Markdown; `about` says what the data are.

    Nothing in it varies from run to run, and no text of the data can become markup.
    """
    classes = len(predictions.labels)
    found = per_class(predictions.truth_index, predictions.probabilities.argmax(axis=1), classes)
    baseline = metrics["baseline"]
    lines = [
        f"# {plain(manifest['name'])}",
        "",
        f"**Owner:** {plain(card.owner)}",
        "",
        "## Intended use",
        "",
        plain(card.intended_use),
        "",
        "## Limits",
        "",
        plain(card.limits),
        "",
        "## Data",
        "",
        plain(about),
        "",
        f"{sum(split_rows.values()):,} labelled texts of {classes} classes: "
        + ", ".join(f"{count:,} {split}" for split, count in split_rows.items())
        + f". A text longer than {manifest['max_length']} tokens is cut.",
        "",
        "| made from | SHA-256 |",
        "|---|---|",
        *(f"| {plain(what)} | `{plain(digest)}` |" for what, digest in sorted(manifest["made_from"].items())),
        "",
        "## Figures",
        "",
        f"On {metrics['rows']:,} test rows, with 95 % bootstrap intervals; the baseline is TF-IDF with a linear "
        "support vector machine, trained on the same rows.",
        "",
        "| | model | baseline |",
        "|---|---|---|",
        f"| accuracy | {percent(metrics, 'accuracy')} | {percent(baseline, 'accuracy')} |",
        f"| macro-F1 | {percent(metrics, 'macro_f1')} | {percent(baseline, 'macro_f1')} |",
        f"| ROC-AUC, one class against the rest | {figure(metrics, 'roc_auc')} | {figure(baseline, 'roc_auc')} |",
        f"| log-loss | {figure(metrics, 'log_loss')} | |",
        f"| expected calibration error | {figure(metrics, 'ece')} | |",
        "",
        "| class | precision | recall | F1 | test rows |",
        "|---|---|---|---|---|",
        *(
            f"| {plain(label)} | {found.precision[row]:.3f} | {found.recall[row]:.3f} | {found.f1[row]:.3f} "
            f"| {found.support[row]} |"
            for row, label in enumerate(predictions.labels)
        ),
        "",
        "## Behaviour",
        "",
        "The share of test rows whose label stays when the text, or what stands beside it, is changed:",
        "",
        *(f"- {name}: {100 * share:.1f} %" for name, share in metrics["unchanged"].items()),
    ]
    return "\n".join(lines) + "\n"


def percent(figures: Mapping[str, Any], name: str) -> str:
    """A share with its interval."""
    value, low, high = (100 * figures[key] for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"


def figure(figures: Mapping[str, Any], name: str) -> str:
    """A figure, or that it is not defined on these rows."""
    return f"{figures[name]:.4f}" if name in figures else "not defined"


def plain(text: str) -> str:
    """The text on one line, with everything that Markdown or HTML would read as markup made harmless."""
    line = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{sign}" if sign in "\\`*_[]|#" else sign for sign in line)
