"""What production is asked is captured as configured, and never at the cost of an answer."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from capture import Capture
from predictor import Predictor, Tokens

TEXTS = ["my card has not arrived", "where is zqxj-42 \N{CREDIT CARD}", "my card " * 2000]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was captured since the last look."""

    def read() -> list[dict[str, Any]]:
        said = capsys.readouterr().out.splitlines()
        return [line for line in map(json.loads, said) if "capture" in line]

    return read


@pytest.fixture
def captures(load: Callable[..., ModuleType], shipped: Path) -> Callable[..., ModuleType]:
    """app.py that captures each request."""
    return lambda rate="1", texts="hash": load(
        shipped,
        SLIPWAY_CAPTURE_RATE=rate,
        SLIPWAY_CAPTURE_TEXT=texts,
    )


def test_a_line_tells_all_of_a_text_but_itself(
    captures: Callable[..., ModuleType], post: Any, lines: Lines, shipped: Path
) -> None:
    app = captures()
    told = json.loads(post(app, {"texts": TEXTS, "top_k": 2})["body"])
    found, predictor = lines(), Predictor(shipped)
    assert [line["text_sha256"] for line in found] == [hashlib.sha256(text.encode()).hexdigest() for text in TEXTS]
    probabilities = np.sort(predictor.probabilities(TEXTS), axis=1)
    encoded = predictor.encode(TEXTS)
    for place, line in enumerate(found):
        answer = told["predictions"][place]
        assert (line["capture"], line["place"], line["request_id"]) == (1, place, told["request_id"])
        assert line["model"] == told["model"]
        assert (line["label"], line["truncated"]) == (answer["label"], answer["truncated"])
        assert line["score"] == pytest.approx(answer["score"], abs=1e-6)
        assert line["margin"] == pytest.approx(probabilities[place][-1] - probabilities[place][-2], abs=2e-6)
        assert line["tokens"] == len(encoded[place].ids)
    unknown = [tokens.ids.count(predictor.manifest["unk_id"]) for tokens in encoded]
    assert [line["unknown_tokens"] for line in found] == unknown
    assert unknown[0] == 0
    now = datetime.now(UTC)
    assert all(timedelta() <= now - datetime.fromisoformat(line["time"]) < timedelta(minutes=1) for line in found)
    assert not any("text" in line for line in found)


def test_what_is_unknown_is_counted_and_a_single_class_has_a_margin() -> None:
    line = next(Capture(1).lines("id", {}, ["a"], 1, ["x"], [Tokens([5, 1, 7, 1], False)], np.ones((1, 1), np.float32)))
    assert json.loads(line).items() >= {"unknown_tokens": 2, "tokens": 4, "margin": 1.0, "score": 1.0}.items()


def test_a_text_that_no_encoding_carries_is_captured_too(
    captures: Callable[..., ModuleType], post: Any, lines: Lines
) -> None:
    post(captures(), {"texts": ["card \ud83d lost"]})
    assert [line["text_sha256"] for line in lines()] == [hashlib.sha256(b"card ? lost").hexdigest()]


@pytest.mark.parametrize("texts", ["text", "none"])
def test_the_text_or_nothing_of_it_where_asked(
    captures: Callable[..., ModuleType], post: Any, lines: Lines, texts: str
) -> None:
    post(captures(texts=texts), {"texts": TEXTS})
    found = lines()
    assert not any("text_sha256" in line for line in found)
    if texts == "none":
        assert not any("text" in line for line in found)
    else:
        assert [line["text"] for line in found] == [TEXTS[0], TEXTS[1], TEXTS[2][:8000]]
        assert [line["text_cut"] for line in found] == [False, False, True]


def test_a_line_fits_a_log_event(captures: Callable[..., ModuleType], post: Any, capsys: Any) -> None:
    post(captures(texts="text"), {"texts": ["\N{PILE OF POO}" * 20_000, "\0" * 20_000 + "a"]})
    assert max(len(line.encode()) for line in capsys.readouterr().out.splitlines()) < 256 * 1024


def test_a_share_of_requests_is_captured_by_their_ids(captures: Callable[..., ModuleType], lines: Lines) -> None:
    one, other = Capture(0.3), Capture(0.3)
    ids = [f"request-{number}" for number in range(2000)]
    taken = [one.takes(each) for each in ids]
    assert 0.26 < np.mean(taken) < 0.34
    assert taken == [other.takes(each) for each in ids]
    assert all(Capture(0.6).takes(each) for each, was in zip(ids, taken, strict=True) if was)
    assert not any(Capture(0).takes(each) for each in ids)
    assert all(Capture(1).takes(each) for each in ids)


def test_a_refused_question_is_not_captured(captures: Callable[..., ModuleType], post: Any, lines: Lines) -> None:
    post(captures(), {"texts": [""]})
    assert not lines()


def test_a_log_that_cannot_be_written_costs_no_answer(
    captures: Callable[..., ModuleType], post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = captures()
    with open(os.devnull) as closed, monkeypatch.context() as patch:  # noqa: PTH123
        patch.setattr("sys.stdout", closed)  # not writable
        answers = [post(app, {"texts": TEXTS})]
        patch.setattr("sys.stderr", closed)  # so that nothing can be said of it either
        answers.append(post(app, {"texts": TEXTS}))
        refused, broken = post(app, {}), app.handler({"requestContext": None}, None)
    assert [answer["statusCode"] for answer in answers] == [200, 200]
    assert (refused["statusCode"], broken["statusCode"]) == (422, 400)
