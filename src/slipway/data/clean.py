"""Cleaning: training rows that also stand in test, one text with two labels, and duplicates."""

from dataclasses import dataclass

import pandas as pd

from slipway.config.data import Clean
from slipway.data.fingerprint import fingerprint
from slipway.data.quote import listed, quoted
from slipway.errors import UserError

SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """Rows that were found wanting: which, how many, and examples of them in words."""

    kind: str
    rows: int
    action: str
    examples: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rows:,} {self.kind}: {self.action}"


@dataclass(frozen=True)
class Cleaned:
    """The rows that stay, with a column `fingerprint`, and what was found on the way."""

    table: pd.DataFrame
    findings: tuple[Finding, ...]


def clean(table: pd.DataFrame, config: Clean) -> Cleaned:
    """Resolve leaks, conflicts and duplicates as configured; rows of an official test split are left as they are.

    Raises UserError where the configuration says `error`, where nothing or one class alone is left, and where no
    training row (or none of a class that is held out) is.
    """
    table = table.assign(fingerprint=table["text"].map(fingerprint))
    findings = []
    for step in (_leaks, _conflicts, _duplicates):
        table, finding = step(table, config)
        if finding is not None:
            findings.append(finding)
    table = table.reset_index(drop=True)
    if table.empty:
        raise UserError("data.clean: no row is left after cleaning: " + "; ".join(map(str, findings)) + ".")
    if table["label"].nunique() == 1:
        raise UserError(
            f"data: all {len(table):,} rows have the label {quoted(table['label'].iloc[0])}; a classifier needs two "
            "classes. Look at data.source (the label column) and data.clean."
        )
    return Cleaned(table, tuple(findings))


def _leaks(table: pd.DataFrame, config: Clean) -> tuple[pd.DataFrame, Finding | None]:
    """Of a text in two official splits, the copy that the model would learn from goes."""
    test = set(table.loc[table["split"] == "test", "fingerprint"])
    validation = set(table.loc[table["split"] == "validation", "fingerprint"])
    seen_in_test = table["fingerprint"].isin(test) & (table["split"] != "test")
    seen_in_validation = table["fingerprint"].isin(validation) & ~table["split"].isin(["test", "validation"])
    bad = seen_in_test | seen_in_validation
    if not bad.any():
        return table, None
    held_out = table[table["split"].isin(["test", "validation"])].drop_duplicates("fingerprint", keep="last")
    twin = dict(zip(held_out["fingerprint"], held_out["origin"], strict=True))
    examples = [f"{origin} and {twin[digest]}: {quoted(text)}" for origin, digest, text in _some(table[bad])]
    kind = "training rows that also stand in test or validation"
    if config.leaks == "error":
        raise UserError(_refusal(int(bad.sum()), kind, examples, "data.clean.leaks=drop drops the training rows"))
    kept = table[~bad]
    _require_training_left(table, kept, examples)
    return kept, Finding(kind, int(bad.sum()), "dropped from training", tuple(examples))


def _require_training_left(table: pd.DataFrame, kept: pd.DataFrame, examples: list[str]) -> None:
    """Raise UserError where dropping leaks took every training row, or every one of a class that is asked for."""
    held_out = kept["split"].isin(["test", "validation"])
    before = table.loc[~table["split"].isin(["test", "validation"]), "label"]
    left = set(kept.loc[~held_out, "label"])
    gone = sorted(set(before) & set(kept.loc[held_out, "label"]) - left)
    if not gone and left:
        return
    classes = listed([quoted(label) for label in gone])
    whose = f"training rows of {classes}" if left else f"{len(before):,} training rows"
    raise UserError(
        "\n  ".join(
            [
                f"data.clean.leaks=drop drops all {whose}, since each text also stands in test or validation. "
                "Is one file named twice in data.source.files? For example:",
                *examples,
            ]
        )
    )


def _conflicts(table: pd.DataFrame, config: Clean) -> tuple[pd.DataFrame, Finding | None]:
    # a test row has no twin outside of test after the step before, so test is judged by itself, and kept
    twice = table[table.duplicated("fingerprint", keep=False)]
    labels = twice.groupby("fingerprint", sort=False)["label"].nunique()
    bad = table["fingerprint"].isin(labels.index[labels > 1])
    if not bad.any():
        return table, None
    examples = []
    for _, rows in list(table[bad].groupby("fingerprint", sort=False))[:SHOWN]:
        first = rows.drop_duplicates("label").head(3)
        places = ", ".join(f"{row.origin} {row.label}" for row in first.itertuples())
        examples.append(f"{places}: {quoted(rows['text'].iloc[0])}")
    kind = "rows whose text has two labels"
    if config.conflicts == "error":
        remedy = "mend them, or set data.clean.conflicts to drop or majority"
        raise UserError(_refusal(int(bad.sum()), kind, examples, remedy))
    outside = bad & (table["split"] != "test")
    if config.conflicts == "drop":
        keep, action = ~outside, "dropped"
    else:
        keep, action = ~outside | _has_majority_label(table, outside), "the majority's label kept, ties dropped"
    if (bad & ~outside).any():
        action += " (those of the official test split stay as they are)"
    return table[keep], Finding(kind, int(bad.sum()), action, tuple(examples))


def _has_majority_label(table: pd.DataFrame, rows: "pd.Series[bool]") -> "pd.Series[bool]":
    votes = table[rows].groupby(["fingerprint", "label"]).size().rename("votes").reset_index()
    most = votes.groupby("fingerprint")["votes"].transform("max")
    leaders = votes[votes["votes"] == most]
    winners = leaders[~leaders.duplicated("fingerprint", keep=False)]
    pairs = pd.MultiIndex.from_frame(winners[["fingerprint", "label"]])
    return pd.Series(pd.MultiIndex.from_frame(table[["fingerprint", "label"]]).isin(pairs), index=table.index)


def _duplicates(table: pd.DataFrame, config: Clean) -> tuple[pd.DataFrame, Finding | None]:
    bad = table.duplicated("fingerprint") & (table["split"] != "test")
    if config.duplicates == "keep" or not bad.any():
        return table, None
    firsts = table.drop_duplicates("fingerprint")
    first = dict(zip(firsts["fingerprint"], firsts["origin"], strict=True))
    examples = [f"{origin} and {first[digest]}: {quoted(text)}" for origin, digest, text in _some(table[bad])]
    if config.duplicates == "error":
        raise UserError(_refusal(int(bad.sum()), "duplicates", examples, "data.clean.duplicates=drop keeps the first"))
    return table[~bad], Finding("duplicates", int(bad.sum()), "the first kept", tuple(examples))


def _refusal(rows: int, kind: str, examples: list[str], remedy: str) -> str:
    return "\n  ".join([f"data.clean: {rows:,} {kind}; {remedy}. For example:", *examples])


def _some(table: pd.DataFrame) -> list[tuple[str, str, str]]:
    shown = table.head(SHOWN)
    return list(zip(shown["origin"], shown["fingerprint"], shown["text"], strict=True))
