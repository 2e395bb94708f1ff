"""The function answers every kind of event, and says what is wrong with those that it cannot answer."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from predictor import Predictor
from question import BLANK

CONTEXT = SimpleNamespace(aws_request_id="8a1f4b7e-0000-4000-8000-000000000002")
TEXTS = ["my card has not arrived", "where can I see the exchange rate?"]


def document(answer: dict[str, Any]) -> Any:
    assert not answer["isBase64Encoded"]
    return json.loads(answer["body"])


def test_texts_are_answered(app: ModuleType, send: Any, shipped: Path) -> None:
    answer = send(app, {"texts": TEXTS, "top_k": 3})
    assert answer["statusCode"] == 200
    told = document(answer)
    predictor = Predictor(shipped)
    assert told["predictions"] == predictor.predict(TEXTS, top_k=3)
    assert told["model"] == {"name": "banking77-bag", "version": predictor.digest}
    assert told["request_id"] == "8a1f4b7e-0000-4000-8000-000000000001"
    sent = answer["headers"]
    assert sent["x-request-id"] == told["request_id"]
    assert sent["content-type"] == "application/json"


def test_a_body_in_base64_is_answered(app: ModuleType, send: Any) -> None:
    body = json.dumps({"texts": [*TEXTS, "où est ma carte \N{CREDIT CARD}"]}, ensure_ascii=False).encode()
    assert len(document(send(app, body))["predictions"]) == 3


def test_a_direct_invocation_is_answered(app: ModuleType, shipped: Path) -> None:
    told = app.handler({"texts": TEXTS}, CONTEXT)
    assert told["predictions"] == Predictor(shipped).predict(TEXTS)
    assert told["request_id"] == CONTEXT.aws_request_id
    assert app.handler({}, CONTEXT)["request_id"] == CONTEXT.aws_request_id
    assert len({app.handler({"texts": TEXTS}, None)["request_id"] for _ in range(3)}) == 3
    assert app.handler({"texts": []}, None)["status"] == 422


@pytest.mark.parametrize("event", [{}, [], None, 5, "text", {"Records": []}, {"detail-type": "x", "source": "aws.s3"}])
def test_an_event_of_an_unknown_source_is_told_so(app: ModuleType, event: Any) -> None:
    told = app.handler(event, None)
    assert told["status"] == 400
    assert "unknown source" in told["detail"]


@pytest.mark.parametrize(
    "event",
    [
        {"requestContext": None},
        {"requestContext": {}},
        {"requestContext": {"elb": {}}},
        {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/health", "headers": ["host"]},
        {"requestContext": {}, "version": "2.0"},
        {"requestContext": {"http": {}}, "version": "2.0"},
        {"requestContext": {"http": {"method": "POST", "path": "/predict", "sourceIp": ""}}, "version": "2.0",
         "body": "no base64", "isBase64Encoded": True},
    ],
)  # fmt: skip
def test_an_event_that_only_looks_like_http_is_refused(app: ModuleType, event: Any) -> None:
    answer = app.handler(event, None)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["title"] == "Bad Request"


def test_every_row_of_the_test_split_is_answered_as_in_the_pipeline(
    app: ModuleType, post: Any, shipped: Path, rows: pd.DataFrame
) -> None:
    texts = rows["text"].tolist()
    expected = Predictor(shipped).probabilities(texts)
    labels = np.array(app.service.predictor.labels)
    order = np.random.default_rng(0).permutation(len(texts))
    for size in (1, 7, 256):
        found: dict[int, dict[str, Any]] = {}
        for start in range(0, len(order) if size > 1 else 200, size):
            some = order[start : start + size]
            answers = document(post(app, {"texts": [texts[row] for row in some]}))["predictions"]
            found |= dict(zip(some.tolist(), answers, strict=True))
        for row, answer in found.items():
            assert answer["label"] == labels[expected[row].argmax()]
            assert answer["score"] == pytest.approx(float(expected[row].max()), abs=1e-5)


BAD: dict[str, tuple[Any, int, str]] = {
    "no JSON": ("{texts", 400, "the body is not JSON"),
    "nothing": ("", 400, "the body is not JSON"),
    "no UTF-8": (b"\xff\xfe{", 400, "the body is not JSON"),
    "NaN": ('{"texts": ["a"], "top_k": NaN}', 400, "NaN is no number of JSON"),
    "a number without end": ('{"texts": ["a"], "top_k": ' + "9" * 5000 + "}", 422, "top_k: not a whole number"),
    "deep": ("[" * 100_000, 400, "nested too deeply"),
    "a list": (["a"], 422, "the body must be an object"),
    "no texts": ({}, 422, "texts: missing"),
    "one string": ({"texts": "a"}, 422, "texts: not a list"),
    "an empty list": ({"texts": []}, 422, "texts: 0 texts; 1 to 256"),
    "too many texts": ({"texts": ["a"] * 257}, 422, "texts: 257 texts"),
    "a number for a text": ({"texts": ["a", 5]}, 422, "texts/1: not a string"),
    "null for a text": ({"texts": [None]}, 422, "texts/0: not a string"),
    "an over-long text": ({"texts": ["a" * 20_001]}, 422, "texts/0: 20001 characters; 20000 are read at most"),
    "an empty text": ({"texts": ["a", ""]}, 422, "texts/1: blank"),
    "a blank text": ({"texts": [" \t\n\N{NO-BREAK SPACE}"]}, 422, "texts/0: blank"),
    "an unknown key": ({"texts": ["a"], "topk": 2}, 422, "topk: unknown; known are texts and top_k"),
    "a key with a slash": ({"texts": ["a"], "a/b~": 2}, 422, "a~1b~0: unknown"),
    "top_k of none": ({"texts": ["a"], "top_k": 0}, 422, "top_k: not a whole number from 1 to 10"),
    "top_k of all and one": ({"texts": ["a"], "top_k": 11}, 422, "top_k: not a whole number"),
    "top_k that is true": ({"texts": ["a"], "top_k": True}, 422, "top_k: not a whole number"),
    "top_k of a half": ({"texts": ["a"], "top_k": 1.5}, 422, "top_k: not a whole number"),
    "5 MB": (b'{"texts": ["' + b"a" * 5_000_000 + b'"]}', 413, "larger than 2097152 bytes"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_question_is_told_what_is_wrong_and_where(app: ModuleType, send: Any, case: str) -> None:
    body, status, words = BAD[case]
    answer = send(app, body)
    assert answer["statusCode"] == status
    assert answer["headers"]["content-type"] == "application/problem+json"
    told = document(answer)
    assert words in told["detail"]
    assert told["status"] == status
    if status == 422:
        where = words.partition(":")[0]
        assert told["errors"][0]["pointer"] == ("#" if case == "a list" else f"#/{where}")


def test_blank_is_what_python_calls_so() -> None:
    assert {*BLANK} == {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}


def carried(answer: Any) -> str:
    """As the runtime's client sends it."""
    return json.dumps(answer, ensure_ascii=False).encode().decode()


def test_a_key_that_no_encoding_carries_is_told(app: ModuleType, send: Any) -> None:
    answer = send(app, '{"texts": ["a"], "\\ud800": 1}')
    assert answer["statusCode"] == 422
    assert document(answer)["errors"][0]["pointer"] == "#/%EF%BF%BD"
    assert "unknown" in carried(app.handler({"texts": ["a"], "\ud800": 1}, None))


def test_an_answer_has_no_more_classes_than_its_carrier_takes(
    app: ModuleType, post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("question.MOST_NAMED", 100)
    assert post(app, {"texts": ["a"] * 10, "top_k": 10})["statusCode"] == 200
    told = document(post(app, {"texts": ["a"] * 11, "top_k": 10}))
    assert told["detail"] == "top_k: 10 classes for 11 texts; an answer names 100 at most"


def test_a_direct_invocation_is_no_larger_than_a_body(app: ModuleType) -> None:
    assert app.handler({"texts": ["a b " * 5000] * 256}, None)["status"] == 413


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2.0", "requestContext": {"stage": "prod", "http": {"path": "/prod/health"}}},
        {"version": "2.0", "routeKey": "ANY /v1/{any+}", "pathParameters": {"any": "health"}}
        | {"requestContext": {"stage": "$default", "http": {"path": "/v1/health"}}},
        {"version": "2.0", "routeKey": "GET /health", "requestContext": {"http": {"path": "/health"}}},
        {"resource": "/{proxy+}", "path": "/v1/health", "pathParameters": {"proxy": "health"}},
        {"resource": "/v1/{any+}", "path": "/v1/health", "pathParameters": {"any": "health"}},
        {"resource": "/health", "path": "/v1/health", "pathParameters": None},
        # an HTTP API that sends payloads of version 1.0
        {"version": "1.0", "resource": "$default", "path": "/health", "requestContext": {"stage": "$default"}},
        {"version": "1.0", "resource": "$default", "path": "/prod/health", "requestContext": {"stage": "prod"}},
    ],
)
def test_a_stage_or_a_base_path_is_no_part_of_the_path(app: ModuleType, change: dict[str, Any]) -> None:
    event = {"httpMethod": "GET", **change, "headers": {"host": "[2001:db8::1]:443"}}
    context = event["requestContext"] = {**change.get("requestContext", {})}
    if "http" in context:
        context["http"] = {"method": "GET", "sourceIp": "192.0.2.1", **context["http"]}
    assert app.handler(event, None)["statusCode"] == 200
    other = {"version": "2.0", "headers": {}, "requestContext": {"stage": "heal", "http": {"path": "/health"}}}
    other["requestContext"]["http"] |= {"method": "GET", "sourceIp": ""}  # type: ignore[index]
    assert app.handler(other, None)["statusCode"] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"texts": ["a"], "top_k": 1%s}' % ("0" * 5000), 422),
        ('{"texts": ["a"], "top_k": -1%s}' % ("0" * 5000), 422),
        ('{"texts": ["a"], "top_k": 1%s}' % ("0" * 900), 422),
        ('{"texts": [1%s]}' % ("0" * 5000), 422),
        ('{"texts": ["a"], "top_k": 2.0}', 200),
    ],
)  # fmt: skip
def test_a_number_of_any_length_is_json(app: ModuleType, post: Any, body: str, status: int) -> None:
    assert post(app, body)["statusCode"] == status


def test_the_document_names_every_status_and_limit(app: ModuleType, post: Any) -> None:
    told = document(post(app, method="GET", path="/openapi.json"))
    statuses = {
        (path, method): set(operation["responses"]) - {"default"}
        for path, operations in told["paths"].items()
        for method, operation in operations.items()
    }
    read = {"200", "405", "500"}
    assert statuses == {
        ("/predict", "post"): {"200", "400", "405", "413", "415", "422", "500"},
        **{("/health", method): read | {"503"} for method in ("get", "head")},
        **{(path, method): read for path in ("/metadata", "/openapi.json") for method in ("get", "head")},
    }
    assert all("default" in each["responses"] for path in told["paths"].values() for each in path.values())
    limits, asked = app.service.limits, told["components"]["schemas"]["Question"]["properties"]
    assert (asked["texts"]["minItems"], asked["texts"]["maxItems"]) == (1, limits["texts"])
    assert (asked["texts"]["items"]["minLength"], asked["texts"]["items"]["maxLength"]) == (1, limits["characters"])
    assert (asked["top_k"]["minimum"], asked["top_k"]["maximum"]) == (1, len(app.service.manifest["labels"]))


def test_every_answer_is_kept_by_nobody_and_taken_as_what_it_is(app: ModuleType, send: Any) -> None:
    for path in ("/health", "/nowhere"):
        sent = send(app, method="GET", path=path)["headers"]
        assert (sent["cache-control"], sent["x-content-type-options"]) == ("no-store", "nosniff")


@pytest.mark.parametrize(("memory", "threads"), [("128", 1), ("1769", 1), ("2654", 2), ("3538", 2), ("10240", 6)])
def test_the_model_has_a_thread_for_each_core_of_the_functions_memory(
    load: Callable[..., ModuleType], shipped: Path, memory: str, threads: int
) -> None:
    app = load(shipped, AWS_LAMBDA_FUNCTION_MEMORY_SIZE=memory)
    assert app.service.predictor._session.get_session_options().intra_op_num_threads == threads


def test_a_compressed_body_is_refused_as_such(app: ModuleType, send: Any) -> None:
    event = send.shape("POST", "/predict", gzip.compress(b'{"texts": ["a"]}'), binary=True)
    event["headers"]["content-encoding"] = "gzip"
    if "multiValueHeaders" in event:
        event["multiValueHeaders"]["content-encoding"] = ["gzip"]
    answer = app.handler(event, None)
    assert answer["statusCode"] == 415
    assert "must not be compressed" in document(answer)["detail"]


def test_a_load_balancer_of_several_values_gets_several(app: ModuleType) -> None:
    event = {"requestContext": {"elb": {}}, "multiValueHeaders": {"a": ["b"]}, "httpMethod": "POST", "path": "/predict"}
    answer = app.handler({**event, "body": "a", "isBase64Encoded": True}, None)
    assert answer["statusCode"] == 400
    assert answer["multiValueHeaders"]["content-type"] == ["application/problem+json"]
    assert "headers" not in answer


def test_what_fails_outside_of_a_question_is_a_problem_too(
    app: ModuleType, send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.service.predictor, "_session", None)
    answer = send(app, method="GET", path="/health")
    assert answer["statusCode"] == 500
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert document(answer)["request_id"] == answer["headers"]["x-request-id"]


def test_health_holds_nothing_where_nothing_is_recorded(
    load: Callable[..., ModuleType], post: Any, bundle: Path
) -> None:
    from slipway.packaging.bundle import write_manifest

    write_manifest(bundle, {**Predictor(bundle).manifest, "recorded": []})
    assert post(load(bundle), method="GET", path="/health")["statusCode"] == 503


def test_who_wants_tls_later_has_it(shipped: Path) -> None:
    folder = Path(__file__).resolve().parents[2] / "lambda"
    code = "import app, http.client, ssl, urllib.request; http.client.HTTPSConnection, urllib.request.HTTPSHandler"
    environment = {"SLIPWAY_BUNDLE": str(shipped), "PYTHONPATH": str(folder)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_all_faults_are_listed(app: ModuleType, post: Any) -> None:
    told = document(post(app, {"texts": ["", 5, "fine"], "top_k": 0}))
    assert [fault["pointer"] for fault in told["errors"]] == ["#/texts/0", "#/texts/1", "#/top_k"]
    assert told["detail"] == "texts/0: blank, and 2 more"
    assert len(document(post(app, {"texts": [""] * 256}))["errors"]) == 20


ODD = {
    "emoji": "\N{PILE OF POO}\N{ZERO WIDTH JOINER}\N{GRINNING FACE}",
    "right to left": "\N{RIGHT-TO-LEFT OVERRIDE}مرحبا بالعالم",
    "NUL": "my\0card",
    "a lone surrogate": "card \ud83d lost",
    "one word of 20,000 characters": "x" * 20_000,
    "many words": "where is my card " * 1000,
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_text_is_answered(app: ModuleType, send: Any, case: str) -> None:
    [answer] = document(send(app, {"texts": [ODD[case]]}))["predictions"]
    assert answer["truncated"] == (len(ODD[case]) > 10_000)


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/predict", 405, "POST"),
        ("PUT", "/predict", 405, "POST"),
        ("POST", "/health", 405, "GET HEAD"),
        ("GET", "/", 404, ""),
        ("GET", "/predict/", 404, ""),
        ("GET", "/../manifest.json", 404, ""),
    ],
)
def test_another_method_or_path_is_refused(
    app: ModuleType, send: Any, method: str, path: str, status: int, allow: str
) -> None:
    answer = send(app, method=method, path=path)
    assert answer["statusCode"] == status
    assert document(answer)["status"] == status
    assert {*answer["headers"].get("allow", "").replace(",", "").split()} == {*allow.split()}


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json; charset=utf-8", 200), ("Application/JSON", 200), (None, 200),
        ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
    ],
)  # fmt: skip
def test_the_content_type_is_json_or_not_said(app: ModuleType, send: Any, kind: str | None, status: int) -> None:
    assert send(app, {"texts": TEXTS}, kind=kind)["statusCode"] == status


def test_health_holds_where_a_recorded_prediction_does(
    app: ModuleType, load: Callable[..., ModuleType], post: Any, bundle: Path
) -> None:
    answer = post(app, method="GET", path="/health")
    assert (answer["statusCode"], document(answer)["status"]) == (200, "ready")
    from slipway.packaging.bundle import write_manifest

    manifest = Predictor(bundle).manifest
    first = manifest["recorded"][0]
    first["probabilities"] = first["probabilities"][::-1]
    write_manifest(bundle, manifest)
    answer = post(load(bundle), method="GET", path="/health")
    assert answer["statusCode"] == 503
    assert "recorded[0]" in document(answer)["detail"]


def test_metadata_is_the_manifest(app: ModuleType, post: Any, shipped: Path) -> None:
    assert document(post(app, method="GET", path="/metadata")) == json.loads((shipped / "manifest.json").read_bytes())


@pytest.mark.parametrize("file", ["model.onnx", "model.onnx.data", "tokenizer.json", "manifest.json"])
@pytest.mark.parametrize("how", ["missing", "altered"])
def test_the_function_does_not_start_with_a_bundle_that_is_not_whole(bundle: Path, file: str, how: str) -> None:
    if how == "missing":
        (bundle / file).unlink()
    else:
        content = bytearray((bundle / file).read_bytes())
        content[len(content) // 2] ^= 1
        (bundle / file).write_bytes(content)
    done = start(bundle)
    assert done.returncode == 1
    assert "BundleError" in done.stderr
    assert file in done.stderr.splitlines()[-1]


def test_the_function_does_not_start_with_a_bundle_of_newer_code(bundle: Path) -> None:
    path = bundle / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    done = start(bundle)
    assert done.returncode == 1
    assert "made by newer code" in done.stderr


def test_a_setting_that_is_none_is_named(shipped: Path) -> None:
    done = start(shipped, SLIPWAY_CAPTURE_RATE="2")
    assert done.returncode == 1
    assert "SLIPWAY_CAPTURE_RATE" in done.stderr.splitlines()[-1]


def start(bundle: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A cold start in a process of its own."""
    folder = Path(__file__).resolve().parents[2] / "lambda"
    own = {"SLIPWAY_BUNDLE": str(bundle), "PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", "import app"], env=own | environment, capture_output=True, text=True, check=False
    )
