"""What every row must be: errors name row and column."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from slipway.config.data import Checks
from slipway.data.quote import SHOWN, listed, quoted
from slipway.data.rows import SPLITS
from slipway.errors import UserError

# a label is a name: it stands in every report and in every answer of the model; what is longer is a text, and the wrong
# column was named
LONGEST_LABEL = 200  # characters
# neither a blank nor one of the characters that have no shape: soft hyphen, zero-width spaces and joiners, marks of
# direction, byte order mark
VISIBLE = re.compile("[^\\s\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")


@dataclass(frozen=True)
class Problem:
    """One fault of one value."""

    origin: str
    column: str
    fault: str
    value: str

    def __str__(self) -> str:
        return f"{self.origin}: column {self.column}: {self.fault}: {self.value}"


def check(table: pd.DataFrame, config: Checks) -> list[Problem]:
    """Every fault of the raw rows (columns text, label, split, origin), in their order.

    Raises UserError for fewer rows than `min_rows`.
    """
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    def column(*checks: tuple[str, object], nullable: bool = False) -> pa.Column:
        rules = [pa.Check(rule, name=name, error=name) for name, rule in checks]
        return pa.Column(str, rules, nullable=nullable)

    if len(table) < config.min_rows:
        raise UserError(
            f"data: {len(table):,} rows, fewer than data.checks.min_rows={config.min_rows:,}. Is the source complete?"
        )
    text = [
        ("is blank", _visible),
        ("holds a NUL byte", lambda values: ~values.str.contains("\0", regex=False)),
        (
            f"is longer than data.checks.max_chars={config.max_chars:,} characters (does a quote not close?)",
            lambda values: values.str.len() <= config.max_chars,
        ),
    ]
    label = [
        ("is blank", _visible),
        (
            f"is longer than {LONGEST_LABEL} characters (is this the column of the labels?)",
            lambda values: values.str.len() <= LONGEST_LABEL,
        ),
    ]
    if config.labels is not None:
        known = set(config.labels)
        label.append(
            (f"is none of data.checks.labels ({listed(config.labels)})", lambda values: values.isin([*known, ""]))
        )
    split = [(f"is none of {', '.join(SPLITS)}", lambda values: values.isin(SPLITS))]
    schema = pa.DataFrameSchema(
        {"text": column(*text), "label": column(*label), "split": column(*split, nullable=True)}, strict=False
    )
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as error:
        return _problems(table, error.failure_cases)
    return []


def refusal(problems: Sequence[Problem], report: str) -> str:
    """The words of the error that these problems are."""
    are = "value is not as it" if len(problems) == 1 else "values are not as they"
    lines = [f"data: {len(problems):,} {are} must be (all in {report}):"]
    lines += [f"  {problem}" for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"  and {len(problems) - SHOWN:,} more.")
    return "\n".join(lines)


def _visible(values: "pd.Series[str]") -> "pd.Series[bool]":
    return values.map(lambda value: VISIBLE.search(value) is not None).astype(bool)


def _problems(table: pd.DataFrame, cases: pd.DataFrame) -> list[Problem]:
    found = []
    for row, column, check_name in zip(cases["index"], cases["column"], cases["check"], strict=True):
        fault = "is null" if check_name == "not_nullable" else str(check_name)
        value = table[column].iloc[int(row)]
        shown = quoted(value) if isinstance(value, str) else "null"
        found.append((int(row), Problem(table["origin"].iloc[int(row)], column, fault, shown)))
    return [problem for _, problem in sorted(found, key=lambda pair: (pair[0], pair[1].column))]
