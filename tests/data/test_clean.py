"""Cleaning resolves leaks, conflicts and duplicates as configured, and leaves an official test split alone."""

import pytest

from slipway.config.data import Clean
from slipway.data.clean import clean
from slipway.data.rows import Row, frame
from slipway.errors import UserError

DROP = Clean(duplicates="drop", conflicts="drop", leaks="drop")
REST = [("other", "b"), ("more", "c")]


def cleaned(rows, config=DROP, **changes):
    table = frame(
        Row(text, label, split[0] if split else None, f"x:{n}")
        for n, (text, label, *split) in enumerate([*rows, *REST])
    )
    return clean(table, config.model_copy(update=changes))


def kept(result):
    return [(row.text, row.label) for row in result.table.itertuples() if (row.text, row.label) not in REST]


def test_rows_without_twins_stay():
    result = cleaned([("one", "a"), ("two", "a")])
    assert kept(result) == [("one", "a"), ("two", "a")]
    assert result.findings == ()


def test_of_duplicates_the_first_stays_whatever_its_case_and_blanks():
    result = cleaned([("One  two", "a"), ("one two ", "a"), ("ＯＮＥ two", "a")])  # noqa: RUF001 (full-width on purpose)
    assert kept(result) == [("One  two", "a")]
    assert [str(one) for one in result.findings] == ["2 duplicates: the first kept"]
    assert result.findings[0].examples[0] == "x:1 and x:0: 'one two '"


def test_duplicates_can_stay_or_stop():
    rows = [("one", "a"), ("one", "a")]
    assert kept(cleaned(rows, duplicates="keep")) == rows
    with pytest.raises(UserError, match=r"1 duplicates; data\.clean\.duplicates=drop keeps the first.*\n  x:1 and x:0"):
        cleaned(rows, duplicates="error")


def test_a_text_with_two_labels_is_dropped_and_reported():
    result = cleaned([("one", "a"), ("ONE", "b"), ("two", "a")])
    assert kept(result) == [("two", "a")]
    (finding,) = result.findings
    assert (finding.rows, finding.action) == (2, "dropped")
    assert finding.examples == ("x:0 a, x:1 b: 'one'",)


def test_the_majority_decides_and_a_tie_is_dropped():
    rows = [("one", "a"), ("one", "b"), ("One", "b"), ("tie", "a"), ("tie", "b"), ("two", "a")]
    assert kept(cleaned(rows, conflicts="majority")) == [("one", "b"), ("two", "a")]


def test_a_conflict_can_stop():
    with pytest.raises(UserError) as caught:
        cleaned([("one", "a"), ("one", "b")], conflicts="error")
    assert "2 rows whose text has two labels; mend them, or set data.clean.conflicts to drop or majority" in str(
        caught.value
    )
    assert "x:0 a, x:1 b: 'one'" in str(caught.value)


def test_training_rows_that_stand_in_test_go_and_the_test_rows_stay():
    rows = [("One", "a", "train"), ("two", "a", "train"), ("one", "a", "test"), ("one", "a", "test")]
    result = cleaned(rows)
    assert kept(result) == [("two", "a"), ("one", "a"), ("one", "a")]
    assert result.findings[0].examples == ("x:0 and x:3: 'One'",)


def test_a_validation_row_goes_before_a_test_row_and_after_a_training_row():
    rows = [("one", "a", "train"), ("one", "a", "validation"), ("two", "a", "validation"), ("two", "a", "test")]
    rows.append(("three", "a", "train"))
    assert kept(cleaned(rows)) == [("one", "a"), ("two", "a"), ("three", "a")]
    assert cleaned(rows).table["split"].dropna().tolist() == ["validation", "test", "train"]


def test_a_leak_can_stop():
    with pytest.raises(
        UserError, match=r"1 training rows that also stand in test.*data\.clean\.leaks=drop.*\n  x:0 and x:1"
    ):
        cleaned([("one", "a", "train"), ("one", "a", "test")], leaks="error")


@pytest.mark.parametrize("conflicts", ["drop", "majority"])
def test_conflicts_inside_the_official_test_split_are_reported_and_stay(conflicts):
    rows = [("one", "a", "test"), ("one", "b", "test"), ("two", "a", "train")]
    result = cleaned(rows, conflicts=conflicts)
    assert kept(result) == [row[:2] for row in rows]
    assert "test split stay as they are" in result.findings[0].action


def test_nothing_left_is_an_error_that_says_what_went():
    table = frame([Row("one", "a", None, "x:0"), Row("one", "b", None, "x:1")])
    with pytest.raises(UserError, match=r"no row is left after cleaning: 2 rows whose text has two labels: dropped"):
        clean(table, DROP)


def test_one_class_alone_is_an_error():
    table = frame([Row("one", "a", None, "x:0"), Row("two", "a", None, "x:1")])
    with pytest.raises(UserError, match=r"all 2 rows have the label 'a'; a classifier needs two classes"):
        clean(table, DROP)


def test_long_texts_are_shown_by_their_beginning():
    result = cleaned([("word " * 50, "a"), ("word " * 50, "a")])
    assert len(result.findings[0].examples[0]) < 80
