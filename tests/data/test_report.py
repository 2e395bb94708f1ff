"""The report is one file, shows what was found, and escapes what comes from the data."""

import re
from html.parser import HTMLParser

from slipway.data import profile
from slipway.data.checks import Problem
from slipway.data.clean import Finding
from slipway.data.profile import Drifted
from slipway.data.report import Findings, html
from slipway.data.rows import Row, frame

EVIL = "<script>alert(1)</script>\"'&"


class Parsed(HTMLParser):
    """The tags of a page and its text; fails on tags that do not close."""

    VOID = ("meta", "rect", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def measured(*labels: str):
    return profile.measure(frame(Row("some words", label, None, "x:1") for label in labels))[0]


def full(words: str) -> Findings:
    return Findings(
        name=words,
        facts=words,
        problems=[Problem(words, words, words, words)],
        stop=words,
        notes=[words],
        drifted=[Drifted(words, 0.5, 0.1, words)],
        cleaning=[Finding(words, 3, words, (words,))],
        profile=measured(words, "b"),
        baseline=measured("b", words),
    )


def test_nothing_from_the_data_becomes_markup():
    page = html(full(EVIL))
    assert "script" not in Parsed(page).tags
    assert Parsed(page).tags == Parsed(html(full("tame"))).tags
    assert Parsed(page).text.count(EVIL) >= 12


def test_the_page_needs_nothing_else():
    page = html(full("tame"))
    assert not re.search(r"(?:src|href)\s*=|@import|url\(|https?:", page)


def test_good_data_says_so():
    profile = measured("a", "b")
    text = Parsed(html(Findings("news", "10 rows", profile=profile, baseline=profile))).text
    assert "Data report: news" in text
    assert "As it should be" in text


def test_without_a_baseline_it_does_not_say_that_all_is_as_it_should_be():
    text = Parsed(html(Findings("news", "10 rows", profile=measured("a", "b")))).text
    assert "No errors; there is no baseline yet to compare with" in text
    assert "As it should be" not in text


def test_one_error_is_one_value():
    assert "Errors: 1 value<" in html(Findings("n", "f", problems=[Problem("x.csv:2", "text", "is blank", "''")]))


def test_warnings_and_errors_are_the_verdict():
    assert "Usable, with warnings" in html(Findings("n", "f", notes=["look"], profile=measured("a")))
    assert "Errors: the pipeline stops here" in html(Findings("n", "f", stop="no"))


def test_errors_name_row_and_column_and_long_lists_are_cut():
    problems = [Problem(f"x.csv:{n}", "text", "is blank", "''") for n in range(500)]
    text = Parsed(html(Findings("n", "f", problems=problems))).text
    assert "Errors: 500 values" in text
    assert "x.csv:199" in text
    assert "x.csv:200" not in text
    assert "and 300 more" in text


def test_many_classes_are_cut_to_the_largest():
    labels = ["most"] * 5 + [f"c{n}" for n in range(40)]
    text = Parsed(html(Findings("n", "f", profile=measured(*labels)))).text
    assert "most" in text
    assert "and 11 smaller ones" in text


def test_the_same_findings_give_the_same_bytes():
    assert html(full("x")) == html(full("x"))
