"""Whatever arrives, the function answers; nothing it is asked makes it fail or grow."""

import json
from types import ModuleType
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# by whether it is `make soak-test`
EVENTS = {True: 18_000, False: 3_000}
QUESTIONS = {True: 1_500, False: 250}  # of each kind: as the document allows, and as it does not
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
texts = st.lists(st.text(max_size=60) | json_values, max_size=5)
questions = st.fixed_dictionaries(
    {"texts": texts | json_values}, optional={"top_k": json_values | st.integers(-1, 12), "\ud800": json_values}
)
bodies = questions.map(json.dumps) | st.text(max_size=50) | json_values
names = st.sampled_from(
    ["content-type", "host", "x-forwarded-port", "x-forwarded-proto", "cookie", "transfer-encoding"]
)
values = st.sampled_from(["application/json", "text/plain", "a:b", "443", ""]) | st.text(max_size=20)
paths = st.sampled_from(["/predict", "/health", "/metadata", "/openapi.json", "/"]) | st.text(max_size=20)
methods = st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS"]) | st.text(max_size=8)
http_parts = {
    "path": paths,
    "httpMethod": methods,
    "resource": paths,
    "version": st.sampled_from(["1.0", "2.0"]) | json_values,
    "headers": st.dictionaries(names | st.text(max_size=8), values, max_size=4) | json_values,
    "multiValueHeaders": st.dictionaries(names, st.lists(values, max_size=2), max_size=2) | json_values,
    "queryStringParameters": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2) | json_values,
    "rawQueryString": st.text(max_size=10),
    "cookies": st.lists(st.text(max_size=5), max_size=2) | json_values,
    "body": bodies,
    "isBase64Encoded": st.booleans() | json_values,
}
contexts = json_values | st.fixed_dictionaries(
    {},
    optional={
        "elb": st.just({}) | json_values,
        "http": st.fixed_dictionaries({"method": methods, "path": paths, "sourceIp": st.text(max_size=9)})
        | json_values,
        "identity": st.fixed_dictionaries({"sourceIp": st.text(max_size=9)}) | json_values,
    },
)
http_events = st.fixed_dictionaries({"requestContext": contexts}, optional=http_parts)
events = http_events | questions | json_values


@pytest.mark.slow
def test_no_event_makes_the_function_fail(app: ModuleType, soak: bool, capsys: pytest.CaptureFixture[str]) -> None:
    statuses: set[int] = set()

    @settings(max_examples=EVENTS[soak], **QUIET)
    @given(events)
    def answers(event: Any) -> None:
        answer = json.loads(json.dumps(app.handler(event, None), ensure_ascii=False).encode())  # as the runtime does
        status = answer.get("statusCode") or answer.get("status", 200)
        assert status < 500, answer
        statuses.add(status)

    answers()
    assert statuses >= {200, 400, 404, 405, 422}
    capsys.readouterr()  # what it logged
    print(f"{EVENTS[soak]:,} events, statuses", *sorted(statuses))


@pytest.mark.slow
def test_the_service_is_as_its_openapi_document_says(server: str, soak: bool) -> None:
    schema = schemathesis.openapi.from_url(f"{server}/openapi.json")
    count = 0

    for operation in schema.get_all_operations():
        asks = operation.ok().path == "/predict"
        # a path that takes nothing can be asked for nothing wrong
        for mode in schemathesis.GenerationMode if asks else [schemathesis.GenerationMode.POSITIVE]:
            examples = QUESTIONS[soak] if asks else 20

            @settings(max_examples=examples, **QUIET)
            @given(case=operation.ok().as_strategy(generation_mode=mode))
            def conforms(case: schemathesis.Case) -> None:
                nonlocal count
                count += 1
                case.call_and_validate()

            conforms()
    assert count >= 2 * QUESTIONS[soak]
    print(f"{count:,} requests of schemathesis")
