"""The report is one file that says the verdict first, asks nothing of the network, and cannot be taken over by data."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from slipway.config.card import Card
from slipway.config.gate import GateConfig
from slipway.evaluation.findings import Findings, find
from slipway.evaluation.report import render
from slipway.predictor import Predictor
from slipway.training.epoch import EpochMetrics

HISTORY = [
    EpochMetrics(epoch, 10 * epoch, 0.001, 1 / epoch, 0.6 + epoch / 10, 0.5 + epoch / 10, 0.9 / epoch, 1e5, epoch)
    for epoch in (1, 2, 3)
]
HOSTILE = "<script>alert('x')</script><img src=http://evil.example/x onerror=alert(1)>{{ 7 * 7 }}"
VOID = {"meta", "br", "img", "link", "input", "hr", "wbr"}
HEBREW = "עסקים_וכספים"


class Page(HTMLParser):
    """The elements and attributes of a page; complains about tags that do not close."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.last: str | None = None
        self.words: list[str] = []
        self.within: list[tuple[str, tuple[str, ...]]] = []
        self.boxes: list[str | None] = []
        self.feed(content)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.boxes.append(self.last)
        self.last = dict(attrs).get("class")
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        self.within.append((data, tuple(self.open)))

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def renamed(findings: Findings, label: str) -> Findings:
    """The findings with `label` for the class of business."""

    def new(name: str) -> str:
        return label if name == "business" else name

    def each(names: np.ndarray) -> np.ndarray:
        return np.array([new(name) for name in names])

    predictions = findings.predictions
    return replace(
        findings,
        predictions=replace(
            predictions,
            labels=tuple(map(new, predictions.labels)),
            truth=each(predictions.truth),
            baseline=each(predictions.baseline),
        ),
        mistakes=tuple(
            replace(mistake, truth=new(mistake.truth), predicted=new(mistake.predicted))
            for mistake in findings.mistakes
        ),
        checks=tuple(
            replace(
                check,
                flips=tuple(
                    replace(flip, label_before=new(flip.label_before), label_after=new(flip.label_after))
                    for flip in check.flips
                ),
            )
            for check in findings.checks
        ),
    )


@pytest.fixture(scope="module")
def page(findings: Findings, predictor: Predictor) -> Page:
    card = Card(owner="news desk", intended_use="Sorts headlines.", limits="English headlines of 2014.")
    return Page(render(findings, predictor.manifest, HISTORY, card))


def test_the_verdict_and_its_reasons_stand_before_all_else(page: Page, findings: Findings) -> None:
    assert findings.verdict.verdict == "block"
    assert page.text.index("Block: this model must not go into production") < page.text.index("Accuracy")
    for reason in findings.verdict.reasons:
        assert reason in page.text


def test_every_figure_is_there(page: Page, findings: Findings) -> None:
    metrics = findings.metrics
    for value in (
        f"{100 * metrics['accuracy']:.1f} %",
        f"{100 * metrics['macro_f1']:.1f} %",
        f"{metrics['roc_auc']:.4f}",
    ):
        assert value in page.text
    for each in findings.slices:
        assert each.name in page.text
    for mistake in findings.mistakes:
        assert mistake.origin in page.text
    for label in findings.predictions.labels:
        assert label in page.text
    for part in ("news desk", "Sorts headlines.", "English headlines of 2014.", "0.34 ms", "1.23 MB", "falls by 0.02"):
        assert part in page.text
    assert page.tags.count("svg") == 6


def test_the_words_that_carried_an_error_are_marked(page: Page, findings: Findings) -> None:
    surest = max(findings.mistakes[0].parts, key=lambda part: part.weight).text.strip()
    assert page.tags.count("mark") > len(findings.mistakes)
    assert surest in page.words


def test_it_asks_nothing_of_the_network(page: Page) -> None:
    assert not {"script", "link", "iframe", "object", "embed", "img", "base", "form"} & set(page.tags)
    assert not {"src", "href", "xlink:href", "action", "srcset", "background"} & {name for name, _ in page.attributes}
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert ("http-equiv", "Content-Security-Policy") in page.attributes
    style = "".join(word for word in page.words if "--paper" in word)
    assert not re.search(r"url\(|@import|https?:", style)


def test_hostile_text_in_data_labels_and_configuration_stays_text(findings: Findings, predictor: Predictor) -> None:
    label = "evil" + HOSTILE
    mistake = findings.mistakes[0]
    hostile = replace(
        renamed(findings, label),
        mistakes=(
            replace(
                mistake,
                origin=HOSTILE,
                truth=label,
                rest=HOSTILE,
                parts=tuple(replace(part, text=HOSTILE) for part in mistake.parts),
            ),
        ),
        checks=tuple(
            replace(check, flips=tuple(replace(flip, after=HOSTILE, label_after=label) for flip in check.flips))
            for check in findings.checks
        ),
    )
    manifest = {**predictor.manifest, "name": HOSTILE}
    page = Page(render(hostile, manifest, HISTORY, Card(owner=HOSTILE, intended_use=HOSTILE, limits=HOSTILE)))
    assert not {"script", "img"} & set(page.tags)
    assert page.text.count(HOSTILE) > 10
    assert "49" not in page.text.split("Model card")[1]


def test_a_long_class_name_is_cut_where_it_would_stretch_a_table(findings: Findings, predictor: Predictor) -> None:
    long = "business_" + "and_more_" * 9
    card = Card(owner="a", intended_use="b", limits="c")
    content = render(renamed(findings, long), predictor.manifest, HISTORY, card)
    table = content.split("Most frequent errors")[1].split("</table>")[0]
    assert f'title="{long}"><bdi>{long[:27]}…</bdi></td>' in table.replace("<wbr>", "")
    assert f">{long}<" not in table.replace("<wbr>", "")


def test_a_table_that_is_too_wide_scrolls_in_its_own_box(page: Page) -> None:
    assert len(page.boxes) == 5
    assert set(page.boxes) == {"scroll", "across"}


def test_a_name_breaks_at_its_joints(findings: Findings, predictor: Predictor, card: Card) -> None:
    content = render(renamed(findings, "card_payment/fee"), predictor.manifest, HISTORY, card)
    assert '<td class="name"><bdi>card_<wbr>payment/<wbr>fee</bdi></td>' in content


def test_a_name_from_right_to_left_reorders_nothing_around_it(
    findings: Findings, predictor: Predictor, card: Card
) -> None:
    named = renamed(findings, HEBREW)
    first = HEBREW.split("_")[0]
    places = [way for word, way in Page(render(named, predictor.manifest, HISTORY, card)).within if first in word]
    for element in ("footer", "td", "div", "svg"):
        assert any(element in way for way in places)
    assert all("bdi" in way or "svg" in way for way in places)


def test_the_difference_shown_is_that_of_what_ships(
    findings: Findings, predictor: Predictor, package, card: Card
) -> None:
    def shown(precision: str) -> str:
        parity = {**package["parity"], "max_abs_difference_shipped": 0.21}
        changed = replace(findings, package={**package, "precision": precision, "parity": parity})
        return Page(render(changed, predictor.manifest, HISTORY, card)).text.split("Parity with torch")[1]

    assert shown("int8").startswith(
        "logits differ by 2.1e-01 at most over 1,336 test rows; "
        "before rounding to int8 by 3.0e-07, where 1e-04 is allowed"
    )
    assert shown("float32").startswith("logits differ by 3.0e-07 at most over 1,336 test rows; 1e-04 is allowed")


def test_the_champion_stands_beside_the_model(
    news, predictor: Predictor, package, card: Card, gate_config: Callable[..., GateConfig], make_bundle, tmp_path: Path
) -> None:
    few = news.train.sample(2000, random_state=0)
    champion = make_bundle(few["text"].tolist(), few["label"].tolist(), tmp_path / "champion")
    found = find(predictor, news.train, news.test, package, gate_config(), ("c" * 32 + ".dir", Predictor(champion)))
    page = Page(render(found, predictor.manifest, HISTORY, card))
    assert found.verdict.comparisons[0].outcome == "better"
    assert "Beside the champion and the baseline" in page.text
    assert "Better than the champion" in page.text
    drawn = [render(replace(found, seed=seed), predictor.manifest, HISTORY, card) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2], "the champion's interval is not drawn with the gate's seed"


def test_a_class_without_a_test_row_is_said_to_have_none(
    news, predictor: Predictor, package, card: Card, gate_config: Callable[..., GateConfig]
) -> None:
    rows = news.test[news.test["label"] != "health"].head(300)
    page = Page(render(find(predictor, news.train, rows, package, gate_config()), predictor.manifest, HISTORY, card))
    assert "health no test row" in page.text


def test_a_faultless_model_can_be_shown(
    news, predictor: Predictor, package, card: Card, gate_config: Callable[..., GateConfig]
) -> None:
    right = predictor.probabilities(news.test["text"].tolist()).argmax(axis=1) == [
        predictor.labels.index(label) for label in news.test["label"]
    ]
    found = find(predictor, news.train, news.test[right].head(200), package, gate_config())
    page = Page(render(found, predictor.manifest, HISTORY, card))
    assert found.metrics["accuracy"] == 1
    assert "There is none." in page.text
