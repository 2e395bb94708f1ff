"""What the comment of a pull request says: the verdict first, then all that it rests on, and never too much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipway.compute.sagemaker.trained import Trained
from slipway.delivery.github.sticky import MOST, MOST_STATE
from slipway.delivery.report.changes import Change
from slipway.delivery.report.handover import Figure, Figures, Handover, Training
from slipway.delivery.report.markdown import details, fenced, span, table
from slipway.delivery.report.mermaid import chart

LEAST_LEFT = 1024  # bytes for the mark and what joins the parts
MOST_CHANGES = 60  # rows
VERDICTS = {
    "promote": "Promote: this model may go into production",
    "keep": "Keep the champion: this model is not shown to be better",
    "block": "Block: this model must not go into production",
}
# what is left out first where a comment would be too long, the last first to go; the verdict always stays
PARTS = (
    *("verdict", "moved", "measured", "reason", "reasons", "cost"),
    *("links", "budgets", "curves", "pairs", "changes", "log"),
)


@dataclass(frozen=True)
class Story:
    """What a report is about: the commit, the job's name, the base branch, and pages by name (ours)."""

    sha: str
    job: str
    base: str
    pages: Mapping[str, str]
    # what no page shows: plain words of ours
    notes: Sequence[str] = ()
    moved: bool = False


def training(found: Trained, sha: str, hour_usd: float | None, pages: Mapping[str, str]) -> str:
    """What the comment says while a job trains."""
    limit = f"{duration(found.limit_seconds)} at most"
    cost = f"{money(found.most_usd)} at most" if found.most_usd is not None else "its price is not known"
    if hour_usd is not None:
        cost += f" ({money(hour_usd)} an hour on demand)"
    state = {"running": "trains", "done": "has trained"}.get(found.fate, "was to train")
    return "\n\n".join(
        [
            "### Training",
            f"{span(found.name)} {state} {span(sha[:12])} on {span(found.machines)}{', spot' if found.spot else ''}, "
            f"{limit}: {cost}.",
            linked(pages),
            "The report comes here by itself. Closing the pull request, or taking the label `train` off, stops the job "
            "unless another pull request waits for it.",
        ]
    )


def report(handover: Handover, changes: Sequence[Change], story: Story) -> str:
    """The report. It is less than GitHub takes, whatever was handed over: what is left out is said."""
    told = handover.report
    parts = {
        "verdict": headline(handover, story),
        "moved": moved(story) if story.moved else "",
        "measured": measured(handover),
        "reason": f"{fenced(told.reason.splitlines()[:20])}" if told.reason else "",
        "reasons": "\n".join(f"- {span(each, 300)}" for each in handover.gate.reasons[:12]) if handover.gate else "",
        "cost": cost(told.training),
        "links": "\n\n".join(filter(None, [linked(story.pages), *story.notes])),
        "budgets": budgets(handover),
        "curves": curves(handover),
        "pairs": pairs(handover),
        "changes": changed(changes, story.base) if handover.gate else "",
        "log": details("The end of the job's log", fenced(told.log)) if told.log else "",
    }
    return fit(parts, MOST - MOST_STATE - LEAST_LEFT)


def fit(parts: Mapping[str, str], most: int) -> str:
    """The parts in the order of PARTS, less as many of the last as it takes to be of `most` bytes."""
    kept = [name for name in PARTS if parts.get(name)]
    left: list[str] = []
    while True:
        note = f"Left out, for a comment takes no more: {', '.join(reversed(left))}." if left else ""
        text = "\n\n".join([*(parts[name] for name in kept), *filter(None, [note])])
        if len(text.encode()) <= most or len(kept) == 1:
            return text
        left.append(kept.pop())


def headline(handover: Handover, story: Story) -> str:
    """The verdict, and of what."""
    title = {"failed": "Training failed", "stopped": "Training was stopped"}.get(handover.report.outcome, "")
    if handover.gate:
        title = VERDICTS[handover.gate.verdict]
    return f"### {title}\n\n{span(story.job)} for {span(story.sha[:12])}"


def moved(story: Story) -> str:
    """That the branch went on meanwhile."""
    return (
        f"> [!NOTE]\n> The branch has moved on from {span(story.sha[:12])}, so that nothing was committed: this report "
        "is of the older commit. The newer one is trained and reported by itself."
    )


def measured(handover: Handover) -> str:
    """The model, the champion and the baseline on the same rows."""
    metrics = handover.metrics
    if metrics is None:
        return ""
    rows: list[tuple[str, Figures, float | None, float | None]] = [
        ("**this model**", metrics.figures(), metrics.log_loss, metrics.ece)
    ]
    if handover.report.champion:
        rows.append(("champion", handover.report.champion, None, None))
    rows.append(("baseline", metrics.baseline.figures(), None, None))
    cells = [
        (name, shown(each.accuracy), shown(each.macro_f1), plain(log_loss), plain(ece))
        for name, each, log_loss, ece in rows
    ]
    head = ("", "accuracy", "macro-F1", "log loss", "calibration error")
    return f"{table(head, cells, right=4)}\n\nOn {metrics.rows:,} test rows, with 95 % intervals."


def shown(figure: Figure) -> str:
    """A share in percent with its interval."""
    return f"{100 * figure.value:.1f} % ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def plain(value: float | None) -> str:
    """A figure, or nothing."""
    return "" if value is None else f"{value:.4f}"


def budgets(handover: Handover) -> str:
    """The budgets of the gate, and whether they hold."""
    limits = handover.gate.budgets[:20] if handover.gate else ()
    rows = [
        (span(each.name), f"{each.measured:.4g}", f"{each.most:.4g}", "yes" if each.holds else "**no**")
        for each in limits
    ]
    return details("Budgets", table(("budget", "measured", "at most", "holds"), rows, right=3)) if rows else ""


def curves(handover: Handover) -> str:
    """The losses of each epoch."""
    history = handover.report.history
    lines = {
        "training": [each.train_loss for each in history],
        "validation": [each.log_loss for each in history],
    }
    return chart("Loss by epoch", "cross-entropy", [each.epoch for each in history], lines)


def pairs(handover: Handover) -> str:
    """The confusions that changed most."""
    told = handover.report
    rows = [
        (
            span(each.truth, 60),
            span(each.predicted, 60),
            str(each.rows_opponent),
            str(each.rows),
            f"{each.rows - each.rows_opponent:+d}",
        )
        for each in told.pairs
    ]
    head = ("class", "taken for", f"{told.opponent}", "this model", "change")
    return details("Confusions that changed most, in test rows", table(head, rows, right=3)) if rows else ""


def changed(found: Sequence[Change], base: str) -> str:
    """The values of resolved.yaml that differ from the base's."""
    if not found:
        return f"No value of `resolved.yaml` differs from {span(base)}."
    rows = [
        (span(each.key, 100), *("" if value is None else span(value, 100) for value in (each.before, each.after)))
        for each in found[:MOST_CHANGES]
    ]
    more = f"\n\nand {len(found) - MOST_CHANGES} more" if len(found) > MOST_CHANGES else ""
    title = f"{len(found)} value{'' if len(found) == 1 else 's'} of resolved.yaml changed"
    return details(title, f"{table(('key', span(base), 'here'), rows)}{more}")


def cost(training: Training | None) -> str:
    """How long it took, on what, and what that cost."""
    if training is None:
        return ""
    billed = f"{duration(training.billed_seconds)} billed" if training.billed_seconds else "nothing billed"
    saved = training.seconds - training.billed_seconds
    if training.spot and saved > 0 and training.billed_seconds:
        billed += f" ({saved / training.seconds:.0%} saved by spot)"
    attempts = f" in {training.attempts} attempts" if training.attempts > 1 else ""
    usd = money(training.usd) if training.usd is not None else "a price that is not known"
    return (
        f"Trained for {duration(training.seconds)} on {span(training.machines)}{', spot' if training.spot else ''}; "
        f"{billed}. It cost {usd}{attempts}."
    )


def linked(pages: Mapping[str, str]) -> str:
    """Pages by name; both are ours."""
    return " · ".join(f"[{name}]({url})" for name, url in pages.items())


def money(usd: float) -> str:
    """US dollars; without their sign, between two of which GitHub would set a formula."""
    return "less than 0.01 USD" if 0 < usd < 0.01 else f"{usd:.2f} USD"


def duration(seconds: float) -> str:
    """Seconds in words, to about two digits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
