"""What operators see: a log line a request, and metrics that CloudWatch takes from the log, so that nothing is called.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

NAMESPACE = "slipway"
LOW = 0.5  # a score below it counts as a doubtful answer
MOST_VALUES = 100  # that the format takes of one metric
UNITS = {"Latency": "Milliseconds", "Confidence": "None"}  # "Count" for others
Values = dict[str, list[float]]


@dataclass(frozen=True)
class Told:
    """What is told of a request; from `texts` on only where texts were answered."""

    request_id: str
    what: str
    status: int
    milliseconds: float
    detail: str = ""
    tokens: int = 0
    truncated: int = 0
    labels: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


class Observer:
    """Writes to standard output, which Lambda ships to CloudWatch Logs; `model` says which model answers."""

    def __init__(self, model: dict[str, str]) -> None:
        self.service = dimension(os.environ.get("POWERTOOLS_SERVICE_NAME", model["name"]))
        # under a canary two versions of a function answer at once
        self.version = dimension(os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "local"))
        self.logger = Logger(service=self.service, location=None, model=model, function_version=self.version)
        self.cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"

    def request(self, told: Told) -> None:
        """The log line and the metrics of one request."""
        cold, self.cold = self.cold, False
        facts = {"request_id": told.request_id, "status": told.status, "milliseconds": round(told.milliseconds, 3)}
        facts |= {"texts": len(told.labels), "tokens": told.tokens, "truncated": told.truncated, "cold_start": cold}
        if told.detail:
            facts["detail"] = told.detail
        (self.logger.error if told.status >= 500 else self.logger.info)(told.what, extra=facts)
        write(self._metrics(told))

    def _metrics(self, told: Told) -> Iterator[str]:
        """One line for the request, and one for each label that was answered."""
        values: Values = {"Errors": [int(told.status >= 500)], "Rejected": [int(400 <= told.status < 500)]}
        if told.labels:
            values |= {
                "Latency": [told.milliseconds],
                "Texts": [len(told.labels)],
                "Tokens": [told.tokens],
                "Truncated": [told.truncated],
                "LowConfidence": [sum(score < LOW for score in told.scores)],
                "Confidence": told.scores[:MOST_VALUES],
            }
        yield self._line(values)
        for label, answers in Counter(told.labels).items():
            yield self._line({"Predictions": [answers]}, dimension(label))

    def _line(self, values: Values, label: str = "") -> str:
        form = empty(self.service, self.version, label, tuple(values))
        return json.dumps({**form, "_aws": {**form["_aws"], "Timestamp": round(1000 * time.time())}, **values})


@cache
def empty(service: str, version: str, label: str, metrics: tuple[str, ...]) -> dict[str, Any]:
    """A line of these metrics, whose values and time are still to come.

    All else about it is the same each time, and takes Powertools several times as long as the values do.
    """
    line = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service=service)
    names = {"service": service} | ({"label": label} if label else {})
    for name, value in names.items():
        line.add_dimension(name, value)
    line.add_dimensions(**names, function_version=version)
    for name in metrics:
        line.add_metric(name, UNITS.get(name, "Count"), 0)
    return dict(line.serialize_metric_set())


def dimension(value: str) -> str:
    """A value as CloudWatch takes it of a dimension: printable ASCII, not blank, no more than 1,024 characters."""
    return value.encode("unicode_escape").decode()[:1024].strip() or "_"


def write(lines: Iterable[str]) -> None:
    """Put lines into the log, each whole."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
