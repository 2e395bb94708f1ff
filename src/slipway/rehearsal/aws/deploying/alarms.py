"""CloudWatch's alarms, evaluated on their metrics whenever somebody looks.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

import ast
import math
import operator
import re
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from slipway.rehearsal.aws.call import ACCOUNT, Call

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "IF": lambda test, yes, no: yes if test else no,
    "MAX": max,
    "MIN": min,
    "ABS": abs,
    "CEIL": math.ceil,
    "FLOOR": math.floor,
}
Metric = tuple[str, str, tuple[tuple[str, str], ...]]


class Alarms:
    """The alarms of one account. `minute` is how many seconds a minute of their periods lasts."""

    def __init__(self) -> None:
        self.minute, self.clock = 60.0, time.time
        self.held: dict[tuple[str, str], float] = {}  # until when a state that was set by hand stays
        self._values: dict[str, dict[Metric, list[tuple[float, float]]]] = {}
        self._read: dict[str, tuple[Any, int]] = {}

    def told(self, call: Call) -> None:
        """A call of CloudWatch comes: who looks finds states of now, and a state that is set stays for a minute."""
        if call.action == "SetAlarmState":
            self.held[call.region, call.body["AlarmName"]] = self.clock() + self.minute
        elif call.action == "PutMetricAlarm":
            self.held.pop((call.region, call.body["AlarmName"]), None)
        elif call.action.startswith("DescribeAlarm"):
            self.evaluate(call.region)

    def values(self, region: str, namespace: str, name: str, **dimensions: str) -> list[float]:
        """All values so far of a metric with just these dimensions."""
        self._take(region)
        key = (namespace, name, tuple(sorted(dimensions.items())))
        return [value for _, value in self._values[region].get(key, [])]

    def evaluate(self, region: str) -> None:
        """Give each alarm of a region the state that its metrics give it."""
        now = self.clock()
        self._take(region)
        for alarm in list(cloudwatch_backends[ACCOUNT][region].alarms.values()):
            if alarm.rule or self.held.get((region, alarm.name), 0) > now:
                continue
            state = self._state(region, alarm, now)
            if state and (state != alarm.state_value or alarm.state_reason.startswith("Unchecked")):
                alarm.update_state(f"Threshold Crossed: {state}", "{}", state)

    def _take(self, region: str) -> None:
        """Read what has come of metrics, whoever put it."""
        backend = cloudwatch_backends[ACCOUNT][region]
        known, count = self._read.get(region, (None, 0))
        if known is not backend.metric_data:
            self._values[region], count = defaultdict(list), 0
        data = backend.metric_data
        for datum in data[count:]:
            dimensions = tuple(sorted((each.name, each.value) for each in datum.dimensions))
            when = moment(datum.timestamp)
            value = datum.value if hasattr(datum, "value") else datum.sum
            self._values[region][datum.namespace, datum.name, dimensions].append((when, value))
            count += 1
        self._read[region] = data, count

    def _state(self, region: str, alarm: Any, now: float) -> str:
        """OK, ALARM or INSUFFICIENT_DATA; empty where it stays what it is."""
        number, needed = int(alarm.evaluation_periods), int(alarm.datapoints_to_alarm or alarm.evaluation_periods)
        period = self._period(alarm) / 60 * self.minute
        last = math.floor(now / period)
        missing = alarm.treat_missing_data or "missing"
        states = []
        # a period that has ended is looked at as a whole, and the one that runs for what it has so far
        for end in (last - 1, last):
            points = [self._point(region, alarm, nth * period, period) for nth in range(end - number + 1, end + 1)]
            states.append(judge(points, float(alarm.threshold), alarm.comparison_operator, needed, missing))
        return next((state for state in ("ALARM", "", "OK") if state in states), "INSUFFICIENT_DATA")

    def _period(self, alarm: Any) -> float:
        if alarm.period:
            return float(alarm.period)
        return max(float(each.metric_stat.period) for each in alarm.metric_data_queries if each.metric_stat)

    def _point(self, region: str, alarm: Any, start: float, seconds: float) -> float | None:
        if not alarm.metric_data_queries:
            stat = alarm.extended_statistic or alarm.statistic
            return self._statistic(region, alarm.namespace, alarm.metric_name, alarm.dimensions, stat, start, seconds)
        points: dict[str, float | None] = {}
        for query in alarm.metric_data_queries:
            if told := query.metric_stat:
                metric = told.metric
                points[query.id] = self._statistic(
                    region, metric.namespace, metric.metric_name, metric.dimensions, told.stat, start, seconds
                )
        returned = next(each for each in alarm.metric_data_queries if str(each.return_data).lower() == "true")
        return calculate(returned.expression, points) if returned.expression else points[returned.id]

    def _statistic(
        self, region: str, namespace: str, name: str, dimensions: Any, stat: str, start: float, seconds: float
    ) -> float | None:
        key = (namespace, name, tuple(sorted((each.name, each.value) for each in dimensions)))
        values = [value for when, value in self._values[region].get(key, []) if start <= when < start + seconds]
        return statistic(values, stat)


def judge(points: Sequence[float | None], threshold: float, comparison: str, needed: int, missing: str) -> str:
    """The state of a number of data points, some of which are missing; empty where it stays what it was."""
    crosses = COMPARISONS[comparison]
    there = [crosses(point, threshold) for point in points if point is not None]
    gaps = len(points) - len(there)
    breaching = sum(there) + (gaps if missing == "breaching" else 0)
    if breaching >= needed:
        return "ALARM"
    if not there and missing in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if missing == "missing" else ""
    return "OK"


def statistic(values: Sequence[float], stat: str) -> float | None:
    """A statistic of values; None of none. Raises NotImplementedError for one that is not known here."""
    if not values:
        return None
    if re.fullmatch(r"p\d+(\.\d+)?", stat):
        return percentile(sorted(values), float(stat[1:]))
    simple: dict[str, Callable[[], float]] = {
        "Sum": lambda: math.fsum(values),
        "Average": lambda: math.fsum(values) / len(values),
        "Minimum": lambda: min(values),
        "Maximum": lambda: max(values),
        "SampleCount": lambda: len(values),
    }
    if stat not in simple:
        raise NotImplementedError(f"the statistic {stat}")
    return simple[stat]()


def percentile(ordered: Sequence[float], share: float) -> float:
    """Between the two values that it lies between."""
    place = (len(ordered) - 1) * share / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def calculate(expression: str, values: Mapping[str, float | None]) -> float | None:
    """The value of metric math; None where a value of it is missing, or a divisor is 0.

    Raises NotImplementedError for what is not known here.
    """
    text = re.sub(r"\bAND\b|&&", " and ", re.sub(r"\bOR\b|\|\|", " or ", expression)).replace("^", "**")
    try:
        return value_of(ast.parse(text, mode="eval").body, values)
    except (MissingPointError, ZeroDivisionError):
        return None


class MissingPointError(Exception):
    """A metric has no value."""


def value_of(node: ast.AST, values: Mapping[str, float | None]) -> float:
    """The value of a part of an expression."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            if (found := values[name]) is None:
                raise MissingPointError(name)
            return found
        case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in OPERATORS:
            return float(OPERATORS[type(symbol)](value_of(left, values), value_of(right, values)))
        case ast.Compare(left=left, ops=[symbol], comparators=[right]) if type(symbol) in OPERATORS:
            return float(OPERATORS[type(symbol)](value_of(left, values), value_of(right, values)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -value_of(operand, values)
        case ast.BoolOp(op=symbol, values=parts):
            told = [bool(value_of(part, values)) for part in parts]
            return float(all(told) if isinstance(symbol, ast.And) else any(told))
        case ast.Call(func=ast.Name(id="IF"), args=[test, yes, no]):
            return value_of(yes if value_of(test, values) else no, values)
        case ast.Call(func=ast.Name(id=name), args=parts) if name in FUNCTIONS:
            return float(FUNCTIONS[name](*(value_of(part, values) for part in parts)))
    raise NotImplementedError(f"metric math: {ast.unparse(node)}")


def moment(when: Any) -> float:
    """Seconds since 1970 of a time as moto keeps it: in UTC where it says nothing of a zone."""
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    if isinstance(when, int | float):
        return float(when)
    return float((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
