"""Faults of values are named with row and column."""

import pytest

from slipway.config.data import Checks, Drift
from slipway.data.checks import check, refusal
from slipway.data.rows import Row, frame
from slipway.errors import UserError

CONFIG = Checks(labels=("a", "b"), min_rows=1, max_chars=100, drift=Drift(shares=0.1, unknown=0.1))


def table(*rows: tuple[object, object] | tuple[object, object, object]):
    return frame(Row(*(*row, None)[:3], f"x.csv:{line}") for line, row in enumerate(rows, 2))


def test_good_rows_have_no_faults():
    assert check(table(("one", "a"), ("two", "b", "test")), CONFIG) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((None, "a"), "x.csv:3: column text: is null: null"),
        (("one", None), "x.csv:3: column label: is null: null"),
        (("", "a"), "x.csv:3: column text: is blank: ''"),
        ((" \t\u00a0\n", "a"), "x.csv:3: column text: is blank: ' \\t\\xa0\\n'"),
        (("\u200b\ufeff \u200d", "a"), "x.csv:3: column text: is blank: '\\u200b\\ufeff \\u200d'"),
        (("one", "\u200b"), "x.csv:3: column label: is blank: '\\u200b'"),
        (("one", " "), "x.csv:3: column label: is blank: ' '"),
        (("one", "c"), "x.csv:3: column label: is none of data.checks.labels (a, b): 'c'"),
        (("o\0ne", "a"), "x.csv:3: column text: holds a NUL byte: 'o\\x00ne'"),
        (("one", "a", "later"), "x.csv:3: column split: is none of train, validation, test: 'later'"),
    ],
)
def test_a_fault_names_row_and_column(row, words):
    problems = [str(problem) for problem in check(table(("good", "a"), row), CONFIG)]
    assert words in problems


def test_one_value_is_counted_as_one():
    problems = check(table(("good", "a"), ("", "a"), ("", "b")), CONFIG)
    assert refusal(problems[:1], "r.html").startswith("data: 1 value is not as it must be (all in r.html):")
    assert refusal(problems, "r.html").startswith("data: 2 values are not as they must be (all in r.html):")


@pytest.mark.parametrize("text", ["a", ".", "\u200bx", "我", "🙂", "👩\u200d🚀"])
def test_a_single_sign_is_a_text(text):
    assert check(table(("good", "a"), (text, "a")), CONFIG) == []


def test_a_text_that_is_too_long_is_shown_by_its_beginning():
    (problem,) = check(table(("good", "a"), ("x" * 10_000_000, "a")), CONFIG)
    assert "x.csv:3: column text: is longer than data.checks.max_chars=100 characters" in str(problem)
    assert "(10,000,000 characters)" in str(problem)
    assert len(str(problem)) < 250


def test_a_label_has_the_length_of_a_name():
    config = CONFIG.model_copy(update={"labels": None})
    assert check(table(("good", "a" * 200)), config) == []
    (problem,) = check(table(("good", "a"), ("one", "x" * 10_000_000)), config)
    assert str(problem).startswith("x.csv:3: column label: is longer than 200 characters")
    assert len(str(problem)) < 250


def test_of_many_declared_labels_some_are_shown():
    config = CONFIG.model_copy(update={"labels": tuple(f"class{n}" for n in range(5000))})
    (problem,) = check(table(("one", "c")), config)
    assert "class9 and 4,990 more)" in str(problem)


def test_all_faults_are_found_in_the_order_of_the_rows():
    problems = check(table(("", "z"), ("one", "a"), ("", "a"), (None, None)), CONFIG)
    assert [(one.origin, one.column) for one in problems] == [
        ("x.csv:2", "label"),
        ("x.csv:2", "text"),
        ("x.csv:4", "text"),
        ("x.csv:5", "label"),
        ("x.csv:5", "text"),
    ]


def test_any_label_goes_where_none_are_declared():
    assert check(table(("one", "c")), CONFIG.model_copy(update={"labels": None})) == []


def test_too_few_rows_are_an_error():
    with pytest.raises(UserError, match=r"1 rows, fewer than data\.checks\.min_rows=2"):
        check(table(("one", "a")), CONFIG.model_copy(update={"min_rows": 2}))


def test_an_error_shows_ten_faults_and_counts_the_rest():
    words = refusal(check(table(*[("", "a")] * 12), CONFIG), "report.html")
    assert words.startswith("data: 12 values are not as they must be (all in report.html):\n  x.csv:2: column text")
    assert words.endswith("x.csv:11: column text: is blank: ''\n  and 2 more.")
