"""The model card says who, what for and how well, and no text can become markup."""

from dataclasses import replace

import numpy as np
from markdown_it import MarkdownIt

from slipway.config.card import Card
from slipway.evaluation.card import model_card
from slipway.evaluation.findings import Findings
from slipway.predictor import Predictor

ROWS = {"train": 10_000, "validation": 500, "test": 1_336}


def test_it_says_who_what_for_limits_data_and_figures(findings: Findings, predictor: Predictor, card: Card) -> None:
    text = model_card(card, "News of 2014.", predictor.manifest, ROWS, findings.predictions, findings.metrics)
    for part in (
        card.owner,
        card.intended_use,
        card.limits,
        "News of 2014.",
        "11,836 labelled texts of 4 classes",
        "a" * 64,
    ):
        assert part in text
    assert f"| accuracy | {100 * findings.metrics['accuracy']:.1f} % (" in text
    assert text.count("\n| business |") == 1


def test_hostile_text_stays_text(findings: Findings, predictor: Predictor) -> None:
    label = "<script>alert(1)</script>|**x**"
    predictions = replace(
        findings.predictions,
        labels=(label, *findings.predictions.labels[1:]),
        truth=np.array([label if name == "business" else name for name in findings.predictions.truth]),
    )
    card = Card(owner="<img src=http://x>", intended_use="[a](javascript:x)", limits="# no\n\n| heading")
    text = model_card(card, "<b>&</b>", predictor.manifest, ROWS, predictions, findings.metrics)
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "<a " not in page
    assert page.count("<h1>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;|**x**</td>" in page
