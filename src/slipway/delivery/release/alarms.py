"""The alarms of one version while it is new: as long as they are there, nobody has seen its canary to the end."""

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from slipway.compute.sagemaker.words import in_words
from slipway.delivery.release.function import ALIAS, Function


@dataclass(frozen=True)
class Alarms:
    """Those of a function's version."""

    function: Function
    version: str

    @property
    def names(self) -> list[str]:
        """Of all three."""
        return [f"{self.function.name}-v{self.version}-{what}" for what in ("errors", "failures", "latency")]

    def make(self, latency_ms: float, tags: dict[str, str]) -> None:
        """It ends without an answer, answers with 5xx, or takes long."""
        name = self.function.name
        asked = {"FunctionName": name, "Resource": f"{name}:{ALIAS}", "ExecutedVersion": self.version}
        told = {"service": name, "function_version": self.version}
        most: dict[str, Any] = {"Statistic": "Sum", "Threshold": 0.0, "EvaluationPeriods": 1}
        slow: dict[str, Any] = {"ExtendedStatistic": "p95", "Threshold": latency_ms, "EvaluationPeriods": 2}
        for alarm, (namespace, metric, dimensions, rule) in zip(
            self.names,
            [
                ("AWS/Lambda", "Errors", asked, most),
                ("slipway", "Errors", told, most),
                ("slipway", "Latency", told, slow),
            ],
            strict=True,
        ):
            with in_words(alarm):
                self._cloudwatch.put_metric_alarm(
                    AlarmName=alarm,
                    AlarmDescription=f"Version {self.version} of {name}, while it gets its first traffic",
                    Namespace=namespace,
                    MetricName=metric,
                    Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
                    ComparisonOperator="GreaterThanThreshold",
                    Period=60,
                    # an alarm that saw nothing says so, and is not content
                    TreatMissingData="missing",
                    Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                    **rule,
                )

    def states(self) -> dict[str, str]:
        """OK, ALARM or INSUFFICIENT_DATA, of those that there are."""
        return self.states_of(self.names)

    def states_of(self, names: list[str]) -> dict[str, str]:
        """The same, of any alarms."""
        with in_words("CloudWatch"):
            found = self._cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] if names else []
        return {each["AlarmName"]: each["StateValue"] for each in found}

    def ringing(self) -> list[str]:
        """Those that ring, in words."""
        return [f"the alarm {name} rings" for name, state in self.states().items() if state == "ALARM"]

    def clear(self) -> None:
        """Remove those of this and of all earlier versions; without a version all. A later one's canary may go on."""
        own = re.compile(rf"{re.escape(self.function.name)}-v(\d+)-(errors|failures|latency)")
        newest = int(self.version) if self.version else math.inf
        with in_words("CloudWatch"):
            pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNamePrefix=f"{self.function.name}-v"
            )
            names = [each["AlarmName"] for page in pages for each in page["MetricAlarms"]]
            versions = {name: int(found[1]) for name in names if (found := own.fullmatch(name))}
            if old := [name for name, version in versions.items() if version <= newest]:
                self._cloudwatch.delete_alarms(AlarmNames=old)

    @cached_property
    def _cloudwatch(self) -> Any:
        return self.function.account.client("cloudwatch")
