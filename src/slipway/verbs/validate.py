"""Check the raw text against the schema and the baseline profile: writes the data report and the new profile."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from slipway.config import resolved
from slipway.config.data import Checks, Clean, Split
from slipway.data import profile
from slipway.data.checks import check, refusal
from slipway.data.clean import clean
from slipway.data.report import Findings, html
from slipway.data.rows import read_facts, read_raw
from slipway.data.split import assign
from slipway.errors import UserError
from slipway.files import write_json, write_whole

RAW = Path("data/raw")
REPORT = Path("reports/data.html")
PROFILE = Path("reports/data_profile.json")
BASELINES = Path("data/profiles")


def run() -> None:
    """Errors stop and name row and column; drift from the baseline only warns. The report shows both."""
    name: str = resolved.read("data.name", str)
    checks = resolved.read("data.checks", Checks)
    table = read_raw(RAW)
    facts = read_facts(RAW)
    found = Findings(name, f"{len(table):,} rows from {_origin(facts)}")
    try:
        problems = check(table, checks)
        if problems:
            found = replace(found, problems=problems)
            raise UserError(refusal(problems, str(REPORT)))
        found = replace(found, notes=_absent(set(table["label"]), checks))
        cleaned = clean(table, resolved.read("data.clean", Clean))
        found = replace(found, cleaning=cleaned.findings)
        assign(cleaned.table, resolved.read("data.split", Split))
        measured, counts = profile.measure(table)
        baseline = profile.load(BASELINES / f"{name}.json")
        drifted = profile.compare(measured, counts, baseline, checks.drift) if baseline else []
    except UserError as error:
        write_whole(REPORT, html(replace(found, stop=None if found.problems else str(error))))
        raise
    found = replace(found, profile=measured, baseline=baseline, drifted=drifted)
    write_whole(REPORT, html(found))
    write_json(PROFILE, profile.to_json(measured))
    _print(found)


def _origin(facts: dict[str, Any]) -> str:
    """Where the rows came from, as fetch remembers it: one place, or the files by name."""
    files = facts.get("files", {}).values()
    return facts.get("from") or ", ".join(dict.fromkeys(str(file["from"]) for file in files)) or "files"


def _absent(labels: set[str], checks: Checks) -> list[str]:
    absent = [label for label in checks.labels or () if label not in labels]
    return [f"declared in data.checks.labels, but no row has it: {', '.join(absent)}"] if absent else []


def _print(found: Findings) -> None:
    console = Console()
    for line in map(str, found.cleaning):
        console.print(Text(f"cleaning: {line}"), soft_wrap=True)
    for line in [*found.notes, *map(str, found.drifted)]:
        console.print(Text(f"warning: {line}", style="yellow"), soft_wrap=True)
    accept = "slipway accept-profile"
    if found.drifted:
        console.print(Text(f"If the data is like this from now on: {accept}"), soft_wrap=True)
    if found.baseline is None:
        console.print(
            Text(f"no baseline profile to compare with; make this one the baseline: {accept}"),
            soft_wrap=True,
        )
    console.print(Text(f"{found.facts}: no errors; the report is {REPORT}"), soft_wrap=True)
