"""Alarms of emulated CloudWatch ring when their metrics say so, and no longer."""

import time
from typing import Any

import boto3
import pytest

from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.deploying.alarms import calculate, judge, statistic

METRIC = {
    "Namespace": "slipway",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "service", "Value": "texts"}],
}
# in the middle of a minute, whatever the time is: what is put together is counted together
NOW = 60 * (time.time() // 60) - 30
QUIET = {"ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"}


@pytest.fixture(autouse=True)
def clock(aws: EmulatedAws) -> None:
    aws.alarms.clock = lambda: NOW


def put(value: float, seconds: float = 0, name: str = "Errors", **dimensions: str) -> None:
    """Give a metric a value, of so many seconds ago."""
    told = [{"Name": key, "Value": each} for key, each in ({"service": "texts"} | dimensions).items()]
    datum = {"MetricName": name, "Value": value, "Dimensions": told, "Timestamp": NOW - seconds}
    boto3.client("cloudwatch").put_metric_data(Namespace="slipway", MetricData=[datum])


def alarm(**more: Any) -> None:
    """Make the alarm `a`: more than no error in a minute rings, unless said otherwise."""
    asked = {**METRIC, "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 0.0, **QUIET}
    asked |= more
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName="a", **{key: value for key, value in asked.items() if value is not None}
    )


def state() -> str:
    """The state of the alarm."""
    [found] = boto3.client("cloudwatch").describe_alarms(AlarmNames=["a"])["MetricAlarms"]
    return str(found["StateValue"])


def test_an_alarm_rings_while_its_metric_is_too_high(aws: EmulatedAws) -> None:
    alarm()
    assert state() == "OK"
    put(0)
    assert state() == "OK"
    put(1)
    assert state() == "ALARM"
    aws.alarms.clock = lambda: NOW + 180
    assert state() == "OK"


def test_what_happened_just_before_a_minute_began_is_not_missed(aws: EmulatedAws) -> None:
    alarm()
    began = NOW - 30
    put(1, seconds=32)
    aws.alarms.clock = lambda: began + 1
    assert state() == "ALARM"
    aws.alarms.clock = lambda: began + 61
    assert state() == "OK"


def test_dimensions_are_those_and_no_others(aws: EmulatedAws) -> None:
    alarm()
    put(1, function_version="2")
    assert state() == "OK"
    dimensions = {"service": "texts", "function_version": "2"}
    assert aws.alarms.values(aws.region, "slipway", "Errors", **dimensions) == [1]


def test_minutes_may_be_short(aws: EmulatedAws) -> None:
    aws.minute = 0.05
    alarm()
    put(1, seconds=10)
    assert state() == "OK"


def test_several_periods_must_be_too_high(aws: EmulatedAws) -> None:
    alarm(EvaluationPeriods=3, DatapointsToAlarm=3)
    put(1)
    put(1, seconds=60)
    assert state() == "OK"
    put(1, seconds=120)
    assert state() == "ALARM"


def test_a_share_of_two_metrics_rings_where_there_is_enough_of_it(aws: EmulatedAws) -> None:
    def query(name: str, metric: str) -> dict[str, Any]:
        return {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": METRIC | {"MetricName": metric}, "Period": 60, "Stat": "Sum"},
        }

    share = {"Id": "share", "Expression": "IF(texts > 20, 100 * low / texts, 0)", "ReturnData": True}
    queries = [share, query("low", "LowConfidence"), query("texts", "Texts")]
    nothing = dict.fromkeys(["Namespace", "MetricName", "Dimensions", "Statistic", "Period"])
    alarm(Metrics=queries, Threshold=40.0, **nothing)
    put(20, name="Texts")
    put(20, name="LowConfidence")
    assert state() == "OK"
    put(10, name="Texts")
    assert state() == "ALARM"
    put(1000, name="Texts")
    assert state() == "OK"


def test_a_percentile_is_of_each_value(aws: EmulatedAws) -> None:
    alarm(MetricName="Latency", Statistic=None, ExtendedStatistic="p95", Threshold=500.0)
    for _ in range(20):
        put(100, name="Latency")
    put(9000, name="Latency")
    assert state() == "OK"
    put(9000, name="Latency")
    assert state() == "ALARM"


def test_a_state_that_is_set_by_hand_stays_for_a_minute(aws: EmulatedAws) -> None:
    alarm()
    boto3.client("cloudwatch").set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="a rehearsal")
    assert state() == "ALARM"
    aws.alarms.clock = lambda: NOW + 61
    assert state() == "OK"


@pytest.mark.parametrize(
    ("points", "needed", "missing", "found"),
    [
        ([None, None], 1, "notBreaching", "OK"),
        ([None, None], 1, "breaching", "ALARM"),
        ([None, None], 1, "missing", "INSUFFICIENT_DATA"),
        ([None, None], 1, "ignore", ""),
        ([5, None], 1, "missing", "ALARM"),
        ([5, 0], 2, "missing", "OK"),
        ([5, None], 2, "breaching", "ALARM"),
    ],
)
def test_missing_data_is_treated_as_asked_for(
    points: list[float | None], needed: int, missing: str, found: str
) -> None:
    assert judge(points, 1, "GreaterThanThreshold", needed, missing) == found


def test_statistics_and_metric_math() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    names = ("Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50", "p100")
    assert [statistic(values, name) for name in names] == [10, 2.5, 1, 4, 4, 2.5, 4]
    assert statistic([], "Sum") is None
    assert calculate("IF(a > 1 AND b < 2, a * 10 - b, -1)", {"a": 2, "b": 1}) == 19
    assert calculate("100 * a / b", {"a": 1, "b": 0}) is None
    assert calculate("a + b", {"a": 1, "b": None}) is None
    with pytest.raises(NotImplementedError, match="RATE"):
        calculate("RATE(a)", {"a": 1})
