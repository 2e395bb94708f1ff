"""A canary of CodeDeploy's really shifts an alias, really asks its hook, and goes back where it must."""

from typing import Any


def test_a_canary_takes_a_tenth_and_then_all(texts: Any) -> None:
    assert texts.publish(2) == "2"
    deployment = texts.deploy("2", description='{"bundle": "b"}')
    told = texts.end(deployment)
    assert told["status"] == "Succeeded", told
    assert texts.live() == ("2", {})
    assert told["description"] == '{"bundle": "b"}'
    assert texts.aws.sent("codedeploy", "PutLifecycleEventHookExecutionStatus")[0]["status"] == "Succeeded"
    assert texts.invoke({"a": 1})[0]["number"] == 2
