"""What functions say: CloudWatch Logs keeps it, and CloudWatch what is written in the Embedded Metric Format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError
from moto.cloudwatch.models import cloudwatch_backends

from slipway.rehearsal.aws.call import ACCOUNT

MOST_DIMENSIONS = 30
MOST_VALUES = 100
# a metric with its dimensions' names and values
Datum = tuple[str, str, tuple[tuple[str, str], ...], list[float], str]


class FunctionLog:
    """Where functions' lines and figures go; `client` gives a client of a service in a region and role."""

    def __init__(self, client: Callable[..., Any]) -> None:
        self.client = client
        self.lines: list[tuple[str, str, str]] = []  # function, version and line
        self.denied: list[str] = []  # lines that the function's role could not write
        self._streams: dict[tuple[str, str, str], str] = {}
        self._lock = Lock()

    def write(self, region: str, name: str, version: str, role: str, lines: list[str]) -> None:
        """Put lines into the function's log, in its role, and take what is a metric of them."""
        now = round(1000 * time.time())
        self.lines += [(name, version, line) for line in lines]
        for line in lines:
            for metric in embedded(line):
                put(region, *metric)
        logs = self.client("logs", region, role)
        group, key = f"/aws/lambda/{name}", (region, name, version)
        with self._lock:
            try:
                if key not in self._streams:
                    day = datetime.now(UTC).strftime("%Y/%m/%d")
                    stream = f"{day}/[{version}]{uuid.uuid4().hex}"
                    with suppress(logs.exceptions.ResourceAlreadyExistsException):
                        self._stream(logs, group, stream)
                    self._streams[key] = stream
                events = [{"timestamp": now, "message": line[: 256 * 1024]} for line in lines if line]
                logs.put_log_events(logGroupName=group, logStreamName=self._streams[key], logEvents=events)
            except ClientError as error:
                # Lambda says nothing of it either: the lines are lost
                self.denied += [f"{error.response['Error']['Code']}: {line}" for line in lines]

    def _stream(self, logs: Any, group: str, stream: str) -> None:
        try:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        except logs.exceptions.ResourceNotFoundException:
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName=stream)

    def measure(self, region: str, name: str, qualifier: str, version: str, **values: float) -> None:
        """Tell AWS/Lambda's metrics of an invocation.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
        """
        function = ("FunctionName", name)
        sets: list[tuple[tuple[str, str], ...]] = [(function,)]
        if qualifier:
            resource = ("Resource", f"{name}:{qualifier}")
            sets.append((function, resource))
            if not qualifier.isdecimal() and qualifier != "$LATEST":
                sets.append((function, resource, ("ExecutedVersion", version)))
        else:
            sets.append((function, ("Resource", name)))
        for metric, value in values.items():
            for dimensions in sets:
                unit = "Milliseconds" if metric == "Duration" else "Count"
                put(region, "AWS/Lambda", metric, dimensions, [value], unit)


def put(
    region: str, namespace: str, metric: str, dimensions: tuple[tuple[str, str], ...], values: list[float], unit: str
) -> None:
    """Give values to a metric, now."""
    told = {
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
        "Values": values,
        "Unit": unit,
        "Timestamp": datetime.now(UTC).replace(tzinfo=None),  # as moto keeps times
    }
    cloudwatch_backends[ACCOUNT][region].put_metric_data(namespace, [told])


def embedded(line: str) -> Iterator[Datum]:
    """The metrics of a line in the Embedded Metric Format; none where it is another line, or breaks the format."""
    if '"_aws"' not in line:
        return
    try:
        told = json.loads(line)
        directives = told["_aws"]["CloudWatchMetrics"]
        assert isinstance(told["_aws"]["Timestamp"], int)
    except (ValueError, KeyError, TypeError, AssertionError):
        return
    for directive in directives:
        for names in directive["Dimensions"]:
            # a set whose members are not all there is passed over
            if len(names) > MOST_DIMENSIONS or not all(isinstance(told.get(name), str) for name in names):
                continue
            dimensions = tuple((name, told[name]) for name in names)
            for metric in directive["Metrics"]:
                value = told.get(metric["Name"])
                values = [float(each) for each in (value if isinstance(value, list) else [value]) if each is not None]
                if values and len(values) <= MOST_VALUES:
                    yield directive["Namespace"], metric["Name"], dimensions, values, metric.get("Unit", "None")
