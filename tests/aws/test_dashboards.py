"""Dashboards and alarms show what is there: metrics that the function or AWS tells, logs and alarms that are made.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from slipway.rehearsal.aws.account import ROOT, EmulatedAws
from slipway.rehearsal.plans import Plans, Resource

pytestmark = pytest.mark.slow
HERE = "us-east-1"
# what AWS's services tell, by namespace and dimensions; of each the page that says so
TOLD_BY_AWS = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", frozenset({"FunctionName"})): {"ConcurrentExecutions", "Invocations", "Errors", "Throttles"},
    ("AWS/Lambda", frozenset({"FunctionName", "Resource"})): {"Invocations", "Errors", "Throttles"},
    ("AWS/Lambda", frozenset({"FunctionName", "Resource", "ExecutedVersion"})): {"Invocations", "Errors"},
    # https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
    ("AWS/Firehose", frozenset({"DeliveryStreamName"})): {
        "IncomingRecords", "DeliveryToS3.Records", "DeliveryToS3.DataFreshness",
    },
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    ("AWS/Events", frozenset({"RuleName"})): {"TriggeredRules", "FailedInvocations"},
    # https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
    ("AWS/SNS", frozenset({"TopicName"})): {"NumberOfNotificationsFailed"},
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", frozenset({"QueueName"})): {"ApproximateNumberOfMessagesVisible"},
    # https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    ("/aws/sagemaker/TrainingJobs", frozenset({"Host"})): {"CPUUtilization", "GPUUtilization", "GPUMemoryUtilization"},
}  # fmt: skip
MADE = {"FunctionName": "aws_lambda_function", "DeliveryStreamName": "aws_kinesis_firehose_delivery_stream"}
MADE |= {"RuleName": "aws_cloudwatch_event_rule", "TopicName": "aws_sns_topic", "QueueName": "aws_sqs_queue"}
NAMES = ("function_name", "name")
PROPERTIES = {
    "text": {"markdown", "background"},
    "alarm": {"title", "alarms", "sortBy", "states"},
    "log": {"title", "region", "query", "view", "stacked", "accountId"},
    "metric": {
        "accountId", "annotations", "legend", "liveData", "metrics", "period", "region", "setPeriodToTimeRange",
        "sparkline", "stacked", "stat", "table", "timezone", "title", "trend", "view", "yAxis",
    },
}  # fmt: skip
VIEWS = {"log": {"table", "timeSeries", "bar", "pie"}}
VIEWS["metric"] = {"timeSeries", "singleValue", "gauge", "bar", "pie", "table"}
OPTIONS = {"id", "label", "stat", "period", "visible", "yAxis", "color", "region", "expression"}
STAT = re.compile(r"Average|Sum|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d+)?|tm\d+|IQM")
SEARCH = re.compile(r"SEARCH\('\{([^}]+)\}(.*)', '([^']+)', (\d+)\)")
TERM = re.compile(r'(\w+)="([^"]*)"')
CHILD = """
import json, sys
from types import SimpleNamespace
import app
if sys.argv[1] == "broken":
    app.service.predictor._session = None
for number, texts in enumerate((["my card has not arrived", "exchange rate " * 50], [])):
    app.handler({"texts": texts}, SimpleNamespace(aws_request_id=str(number)))
"""


@dataclass(frozen=True)
class Metric:
    """What a graph or an alarm asks for; of a search the dimensions that it does not fix have no value."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str | None], ...]

    @property
    def key(self) -> tuple[str, frozenset[str]]:
        """Namespace and names of the dimensions."""
        return self.namespace, frozenset(name for name, _ in self.dimensions)


@pytest.fixture(scope="module")
def made(provider: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Resource]]:
    """What each root makes, with all that may be asked for."""
    with EmulatedAws() as aws:
        plans = Plans(aws, tmp_path_factory.mktemp("plans"))
        return {
            "platform": plans("platform", github_events="acme/texts"),
            "serving": plans("serving", "staging", public="true"),
            "production": plans("serving", "production"),
        }


def bodies(made: dict[str, list[Resource]]) -> dict[str, dict[str, Any]]:
    """The dashboards by name."""
    return {
        each.values["dashboard_name"]: json.loads(each.values["dashboard_body"])
        for each in (resource for root in ("platform", "serving") for resource in made[root])
        if each.type == "aws_cloudwatch_dashboard"
    }


@pytest.fixture(scope="module")
def widgets(made: dict[str, list[Resource]]) -> list[dict[str, Any]]:
    """Of both dashboards."""
    return [widget for body in bodies(made).values() for widget in body["widgets"]]


@pytest.fixture(scope="module")
def alarms(made: dict[str, list[Resource]]) -> list[dict[str, Any]]:
    """Those of an environment."""
    return [each.values for each in made["serving"] if each.type == "aws_cloudwatch_metric_alarm"]


def said(resources: list[Resource], bundle: Path, how: str = "whole") -> list[dict[str, Any]]:
    """The log's lines of a real bundle's function, asked a right and a wrong question, in Terraform's environment."""
    [function] = [each.values for each in resources if each.name == "aws_lambda_function.this"]
    [environment] = function["environment"]
    variables = os.environ | environment["variables"] | {"AWS_LAMBDA_FUNCTION_VERSION": "7"}
    variables |= {"SLIPWAY_BUNDLE": str(bundle), "PYTHONPATH": str(ROOT / "lambda")}
    child = [sys.executable, "-c", CHILD, how]
    done = subprocess.run(child, env=variables, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def lines(made: dict[str, list[Resource]], shipped: Path) -> list[dict[str, Any]]:
    """What both environments' functions say while all is well."""
    return said(made["serving"], shipped) + said(made["production"], shipped)


def emitted(lines: list[dict[str, Any]]) -> dict[Metric, list[float]]:
    """What CloudWatch takes from the log: metrics with their values."""
    found: dict[Metric, list[float]] = {}
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive["Dimensions"]:
                dimensions = tuple(sorted((name, line[name]) for name in names))
                for metric in directive["Metrics"]:
                    key = Metric(directive["Namespace"], metric["Name"], dimensions)
                    found.setdefault(key, []).extend(line[metric["Name"]])
    return found


def asked(widget: dict[str, Any]) -> Iterator[Metric]:
    """The metrics of a graph, those of its searches too."""
    for words in widget["properties"].get("metrics", []):
        *names, options = words if isinstance(words[-1], dict) else (*words, {})
        if names:
            namespace, name, *rest = names
            yield Metric(namespace, name, tuple(sorted(zip(rest[::2], rest[1::2], strict=True))))
        elif found := SEARCH.fullmatch(options["expression"]):
            namespace, *dimensions = (each.strip('"') for each in found[1].split(","))
            terms = dict(TERM.findall(found[2]))
            assert TERM.sub("", found[2]).strip() == "", f'{found[2]}: only NAME="VALUE" is understood here'
            assert set(terms) <= {"MetricName", *dimensions}
            yield Metric(namespace, terms["MetricName"], tuple(sorted((each, terms.get(each)) for each in dimensions)))


def watched(alarm: dict[str, Any]) -> Iterator[Metric]:
    """The metrics of an alarm."""
    if alarm["metric_name"]:
        yield Metric(alarm["namespace"], alarm["metric_name"], tuple(sorted(alarm["dimensions"].items())))
    for query in alarm["metric_query"] or []:
        for metric in query["metric"]:
            yield Metric(metric["namespace"], metric["metric_name"], tuple(sorted(metric["dimensions"].items())))


def is_told(metric: Metric, told: dict[Metric, list[float]]) -> bool:
    """Whether AWS or the function tells a metric, of dimensions with these values."""
    if metric.namespace != "slipway":
        return metric.name in TOLD_BY_AWS.get(metric.key, set())
    return any(
        (each.namespace, each.name, each.key) == (metric.namespace, metric.name, metric.key)
        and all(value in (None, dict(each.dimensions)[name]) for name, value in metric.dimensions)
        for each in told
    )


def names_of(resources: list[Resource], kind: str) -> set[str]:
    """Names of what is made of a type."""
    return {each.values[key] for each in resources if each.type == kind for key in NAMES if key in each.values}


def test_there_is_a_dashboard_of_each_environment_and_one_of_all(made: dict[str, list[Resource]]) -> None:
    names = set(bodies(made))
    assert names == {"slipway-staging", "slipway-overview"}
    [production] = [each.values for each in made["production"] if each.type == "aws_cloudwatch_dashboard"]
    assert production["dashboard_name"] == "slipway-production"
    assert "staging" not in production["dashboard_body"]


def test_widgets_fill_the_grid_and_none_lies_on_another(made: dict[str, list[Resource]]) -> None:
    for name, body in bodies(made).items():
        assert set(body) == {"widgets"}
        assert 0 < len(body["widgets"]) <= 500
        cells = []
        for widget in body["widgets"]:
            assert set(widget) == {"type", "x", "y", "width", "height", "properties"}
            assert all(isinstance(widget[key], int) for key in ("x", "y", "width", "height"))
            assert 0 <= widget["x"] < widget["x"] + widget["width"] <= 24
            assert widget["y"] >= 0
            assert 1 <= widget["height"] <= 1000
            columns = range(widget["x"], widget["x"] + widget["width"])
            cells.append({(x, y) for x in columns for y in range(widget["y"], widget["y"] + widget["height"])})
        assert all(one.isdisjoint(other) for one, other in combinations(cells, 2)), name
        assert sum(map(len, cells)) == 24 * max(y + 1 for each in cells for _, y in each), f"{name} has gaps"


def test_widgets_have_the_properties_that_cloudwatch_knows(widgets: list[dict[str, Any]]) -> None:
    assert {widget["type"] for widget in widgets} == {"text", "alarm", "log", "metric"}
    for widget in widgets:
        kind, properties = widget["type"], widget["properties"]
        assert set(properties) <= PROPERTIES[kind], properties
        if kind == "text":
            assert properties["markdown"].startswith("# ")
            continue
        assert properties["title"]
        if kind in VIEWS:
            assert properties["region"] == HERE
            assert properties["view"] in VIEWS[kind]


def test_metrics_have_the_form_that_cloudwatch_knows(widgets: list[dict[str, Any]]) -> None:
    for properties in (widget["properties"] for widget in widgets if widget["type"] == "metric"):
        assert 1 <= len(properties["metrics"]) <= 500
        assert STAT.fullmatch(properties["stat"])
        assert properties["period"] % 60 == 0
        options = [each[-1] for each in properties["metrics"] if isinstance(each[-1], dict)]
        ids = [each["id"] for each in options if "id" in each]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[a-z][a-zA-Z0-9_]*", each) for each in ids)
        for each in options:
            assert set(each) <= OPTIONS
            assert STAT.fullmatch(each.get("stat", "Sum"))
            assert each.get("yAxis", "left") in ("left", "right")
            if "expression" in each and not SEARCH.fullmatch(each["expression"]):
                assert set(re.findall(r"[a-z]\w*", each["expression"])) <= set(ids)
        for found in (SEARCH.fullmatch(each.get("expression", "")) for each in options):
            assert found is None or (STAT.fullmatch(found[3]) and int(found[4]) % 60 == 0)


def test_every_metric_of_a_graph_is_one_that_somebody_tells(
    widgets: list[dict[str, Any]], lines: list[dict[str, Any]]
) -> None:
    told = emitted(lines)
    found = [metric for widget in widgets if widget["type"] == "metric" for metric in asked(widget)]
    assert [metric for metric in found if not is_told(metric, told)] == []
    ours = {metric.name for metric in found if metric.namespace == "slipway"}
    assert ours >= {"Latency", "Texts", "LowConfidence", "Errors", "Predictions"}


def test_every_metric_of_an_alarm_is_one_that_somebody_tells(
    alarms: list[dict[str, Any]], lines: list[dict[str, Any]]
) -> None:
    told = emitted(lines)
    found = [metric for alarm in alarms for metric in watched(alarm)]
    assert len(found) >= 6
    assert [metric for metric in found if not is_told(metric, told)] == []


def test_an_answer_that_fails_rings_an_alarm(
    made: dict[str, list[Resource]], alarms: list[dict[str, Any]], shipped: Path, lines: list[dict[str, Any]]
) -> None:
    rings = [each for each in alarms if each["statistic"] == "Sum" and each["threshold"] == 0]
    watches = [metric for alarm in rings for metric in watched(alarm)]
    broken = {metric for metric, values in emitted(said(made["serving"], shipped, "broken")).items() if sum(values) > 0}
    assert broken & set(watches)
    whole = {metric for metric, values in emitted(lines).items() if sum(values) > 0}
    assert not whole & set(watches)


def test_what_a_graph_is_about_is_made(made: dict[str, list[Resource]], widgets: list[dict[str, Any]]) -> None:
    everywhere = [each for root in made.values() for each in root]
    for metric in (found for widget in widgets if widget["type"] == "metric" for found in asked(widget)):
        for dimension, value in metric.dimensions:
            if dimension in MADE:
                assert value in names_of(everywhere, MADE[dimension])
            if dimension == "Resource":
                assert (value or "").removesuffix(":live") in names_of(everywhere, "aws_lambda_function")
            if dimension == "service":
                assert value in names_of(everywhere, "aws_lambda_function")


def test_alarms_that_are_shown_are_those_that_are_made(
    made: dict[str, list[Resource]], widgets: list[dict[str, Any]]
) -> None:
    own, overview = (
        {name for widget in body["widgets"] for name in widget["properties"].get("alarms", [])}
        for _, body in sorted(bodies(made).items(), reverse=True)
    )
    there = {
        root: {
            f"arn:aws:cloudwatch:{HERE}:123456789012:alarm:{each.values['alarm_name']}"
            for each in made[root]
            if each.type == "aws_cloudwatch_metric_alarm"
        }
        for root in ("serving", "production")
    }
    assert own == there["serving"]
    assert overview == there["serving"] | there["production"]


def test_queries_read_logs_that_are_written_and_fields_that_are_there(
    made: dict[str, list[Resource]], widgets: list[dict[str, Any]], lines: list[dict[str, Any]]
) -> None:
    groups = names_of(made["serving"], "aws_cloudwatch_log_group")
    fields = {key for line in lines if "_aws" not in line for key in line}
    queries = [widget["properties"]["query"] for widget in widgets if widget["type"] == "log"]
    assert len(queries) >= 4
    for query in queries:
        source = re.match(r"SOURCE '([^']+)' \| ", query)
        assert source, query
        assert source[1] in groups | {"/aws/sagemaker/TrainingJobs"}
        if source[1] == "/aws/lambda/slipway-staging":
            names = {each.strip() for chosen in re.findall(r"\| fields ([^|]+)", query) for each in chosen.split(",")}
            names |= set(re.findall(r"filter (\w+)", query))
            assert {name for name in names if not name.startswith("@")} <= fields


def test_undelivered_events_are_shown_where_there_may_be_any(made: dict[str, list[Resource]]) -> None:
    assert '"AWS/SQS"' in json.dumps(bodies(made)["slipway-overview"])
