"""The alarms of versions are there while nobody has seen a canary end, and no longer."""

from slipway.compute.sagemaker.account import Account
from slipway.delivery.release.alarms import Alarms
from slipway.delivery.release.function import Function
from slipway.rehearsal.aws.account import EmulatedAws


def test_a_release_that_ends_leaves_the_alarms_of_a_later_one(aws: EmulatedAws) -> None:
    function = Function("slipway-production", Account(aws.region))
    name = "slipway-production-errors"
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    old, own, later = (Alarms(function, version) for version in ("9", "10", "11"))
    for each in (old, own, later):
        each.make(200, {"project": "slipway"})
        assert sorted(each.states()) == sorted(each.names)
    own.clear()
    assert (old.states(), own.states(), sorted(later.states())) == ({}, {}, sorted(later.names))
    Alarms(function, "").clear()
    assert later.states() == {}
    assert list(own.states_of([name])) == [name]
