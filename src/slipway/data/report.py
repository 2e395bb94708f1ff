"""The data report: one HTML file that needs nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from slipway.data.checks import Problem
from slipway.data.clean import Finding
from slipway.data.profile import Drifted, Profile

TEMPLATE = Path(__file__).with_name("report.html")
PLOTS = (
    ("classes", "Classes, share of rows"),
    ("length", "Words a text"),
    ("word_length", "Letters a word"),
    ("language", "Language"),
    ("sentiment", "Sentiment"),
)
BARS = 30
PROBLEMS = 200


@dataclass(frozen=True)
class Findings:
    """All that validate has to say. `stop` is the error that ended it; a profile is there where rows could be read."""

    name: str
    facts: str
    problems: Sequence[Problem] = ()
    stop: str | None = None
    notes: Sequence[str] = ()
    drifted: Sequence[Drifted] = ()
    cleaning: Sequence[Finding] = ()
    profile: Profile | None = None
    baseline: Profile | None = None


def html(found: Findings) -> str:
    """The report as HTML; everything that comes from the data is escaped."""
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(
        TEMPLATE.read_text(encoding="utf-8")
    )
    return page.render(
        name=found.name,
        facts=found.facts,
        verdict=_verdict(found),
        stop=found.stop,
        problems=list(found.problems[:PROBLEMS]),
        problem_count=len(found.problems),
        notes=found.notes,
        drifted=found.drifted,
        findings=found.cleaning,
        tiles=_tiles(found.profile) if found.profile else [],
        plots=[_plot(title, key, found.profile, found.baseline) for key, title in PLOTS] if found.profile else [],
        has_baseline=found.baseline is not None,
    )


def _verdict(found: Findings) -> dict[str, str]:
    if found.problems or found.stop:
        return {"css": "bad", "words": "Errors: the pipeline stops here"}
    if found.drifted or found.notes:
        return {"css": "warn", "words": "Usable, with warnings"}
    if found.baseline is None:
        return {"css": "good", "words": "No errors; there is no baseline yet to compare with"}
    return {"css": "good", "words": "As it should be"}


def _tiles(profile: Profile) -> list[tuple[str, str]]:
    return [
        ("rows", f"{profile.rows:,}"),
        ("classes", f"{len(profile.classes):,}"),
        ("words a text, median", f"{profile.words_per_text['p50']:,.0f}"),
        ("words a text, longest", f"{profile.words_per_text['longest']:,.0f}"),
        ("distinct words", f"{profile.distinct_words:,}"),
        (f"words outside the {len(profile.vocabulary):,} commonest", f"{profile.unknown:.1%}"),
    ]


def _plot(title: str, key: str, profile: Profile, baseline: Profile | None) -> dict[str, Any]:
    now: dict[str, float] = getattr(profile, key)
    then: dict[str, float] = getattr(baseline, key) if baseline else {}
    names = list(now) + [name for name in then if name not in now]
    if key in ("classes", "language"):
        names.sort(key=lambda name: -max(now.get(name, 0.0), then.get(name, 0.0)))
    scale = 98 / max([*now.values(), *then.values(), 1e-9])  # leaves room for the baseline's mark
    bars = [
        {
            "name": name,
            "now": f"{now.get(name, 0.0):.1%}",
            "then": f"{then.get(name, 0.0):.1%}" if baseline else "",
            "width": round(now.get(name, 0.0) * scale, 2),
            "mark": round(then.get(name, 0.0) * scale, 2) if baseline else None,
        }
        for name in names[:BARS]
    ]
    return {"title": title, "bars": bars, "hidden": max(0, len(names) - BARS)}
