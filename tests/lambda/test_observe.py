"""Operators find each request in the log, and metrics in the form that CloudWatch takes from it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from observe import Observer, Told

# a logger keeps the standard output of the moment it is made in: the app is loaded in the test, not by a fixture
Load = Callable[..., ModuleType]
Said = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """The log's lines since the last look."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def metrics(line: dict[str, Any]) -> dict[str, str]:
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "slipway"
    for dimension in (name for names in directive["Dimensions"] for name in names):
        assert isinstance(line[dimension], str)
    return {each["Name"]: each["Unit"] for each in directive["Metrics"]}


def test_a_request_is_one_line_with_its_id_and_whether_the_start_was_cold(
    load: Load, shipped: Path, post: Any, said: Said
) -> None:
    app = load(shipped)
    for cold in (True, False):
        told = json.loads(post(app, {"texts": ["my card", "a b " * 100]})["body"])
        [line] = [line for line in said() if "_aws" not in line]
        assert (line["request_id"], line["cold_start"], line["status"]) == (told["request_id"], cold, 200)
        assert (line["level"], line["message"], line["model"]) == ("INFO", "answered", told["model"])
        assert (line["texts"], line["truncated"]) == (2, 1)
        assert line["milliseconds"] > 0


def test_a_start_is_cold_once_whatever_was_asked_first(load: Load, shipped: Path, post: Any, said: Said) -> None:
    app = load(shipped)
    post(app, method="GET", path="/health")
    post(app, {"texts": ["my card"]})
    assert said()[0]["cold_start"] is False


def test_metrics_carry_what_is_asked_for_and_the_functions_version(
    load: Load, shipped: Path, post: Any, said: Said
) -> None:
    app = load(shipped, AWS_LAMBDA_FUNCTION_VERSION="7")
    answers = json.loads(post(app, {"texts": ["my card has not arrived"] * 2 + ["exchange rate " * 50]})["body"])
    log, first, *labels = said()
    assert metrics(first) == {
        **dict.fromkeys(["Errors", "Rejected", "Texts", "Tokens", "Truncated", "LowConfidence"], "Count"),
        "Latency": "Milliseconds",
        "Confidence": "None",
    }
    assert first["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"], ["service", "function_version"]]
    assert (first["function_version"], first["service"]) == ("7", "banking77-bag")
    scores = [each["score"] for each in answers["predictions"]]
    assert first["Confidence"] == scores
    assert first["LowConfidence"] == [sum(score < 0.5 for score in scores)]
    assert (first["Texts"], first["Truncated"], first["Errors"]) == ([3], [1], [0])
    assert first["Tokens"] == [log["tokens"]]
    assert log["tokens"] > 3
    assert first["Latency"][0] == pytest.approx(log["milliseconds"], abs=0.001)
    assert first["Latency"][0] > 0
    assert log["function_version"] == "7"
    assert sum(line["Predictions"][0] for line in labels) == 3
    assert {line["label"] for line in labels} == {each["label"] for each in answers["predictions"]}
    for line in labels:
        assert metrics(line) == {"Predictions": "Count"}
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert directive["Dimensions"] == [["service", "label"], ["service", "label", "function_version"]]


def test_each_line_has_its_own_time(load: Load, shipped: Path, post: Any, said: Said) -> None:
    app = load(shipped)
    for now in (1.7e9, 1.8e9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("observe.time.time", lambda now=now: now)
            post(app, {"texts": ["my card"]})
        stamps = {line["_aws"]["Timestamp"] for line in said() if "_aws" in line}
        assert stamps == {1000 * now}


def test_a_score_is_low_below_one_half(load: Load, shipped: Path) -> None:
    app = load(shipped)
    told = Told("id", "answered", 200, 1.0, labels=["a"] * 3, scores=[0.49, 0.5, 0.51])
    assert json.loads(next(app.service.observer._metrics(told)))["LowConfidence"] == [1]


def test_the_service_may_be_named_and_a_provisioned_start_is_not_cold(
    load: Load, shipped: Path, post: Any, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    names = {"POWERTOOLS_SERVICE_NAME": "texts", "AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}
    post(load(shipped, **names), {"texts": ["my card"]})
    log, *lines = said()
    assert {log["service"], *(line["service"] for line in lines)} == {"texts"}
    assert log["cold_start"] is False
    assert log["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"


def test_the_largest_request_stays_within_the_format(load: Load, shipped: Path, post: Any, said: Said) -> None:
    app = load(shipped)
    post(app, {"texts": [f"my card {number}" for number in range(256)]})
    lines = [line for line in said() if "_aws" in line]
    assert len([line for line in lines if "Texts" in line]) == 1
    for line in lines:
        assert all(len(line[name]) <= 100 for name in metrics(line))


def test_a_label_is_told_as_cloudwatch_takes_it() -> None:
    observer = Observer({"name": "model", "version": "0"})
    told = Told("id", "answered", 200, 1.0, labels=["Größe", "x" * 2000, " ", "a\n"], scores=[0.9] * 4)
    _, *labels = map(json.loads, observer._metrics(told))
    assert [line["label"] for line in labels] == ["Gr\\xf6\\xdfe", "x" * 1024, "_", "a\\n"]


def test_a_refused_request_is_counted_and_its_reason_logged(load: Load, shipped: Path, post: Any, said: Said) -> None:
    app = load(shipped)
    post(app, {"texts": []})
    log, line = said()
    assert (line["Rejected"], line["Errors"]) == ([1], [0])
    assert "Texts" not in metrics(line)
    assert log["detail"] == "texts: 0 texts; 1 to 256 are answered at once"


def test_a_failure_is_an_error_that_tells_the_sender_nothing(
    load: Load, shipped: Path, post: Any, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = load(shipped)
    monkeypatch.setattr(app.service.predictor, "_session", None)
    answer = post(app, {"texts": ["my card"]})
    assert answer["statusCode"] == 500
    assert "NoneType" not in answer["body"]
    log, line = said()
    assert (log["level"], line["Errors"]) == ("ERROR", [1])
