"""An account that was given all that may be asked for: events for GitHub, mails, an address for everybody."""

from typing import Any

import pytest

pytestmark = pytest.mark.slow
NOTHING = "No changes. Your infrastructure matches the configuration."


@pytest.mark.parametrize("root", ["platform", "serving"])
def test_a_second_plan_changes_nothing(applied: Any, root: str) -> None:
    assert NOTHING in applied.second_plans[root]


def test_everybody_has_an_address(applied: Any) -> None:
    outputs = applied.states["serving"]["outputs"]
    assert outputs["public_url"]["value"].startswith("https://")
    assert outputs["url"]["value"] != outputs["public_url"]["value"]


def test_what_github_is_told_is_what_platform_makes(applied: Any) -> None:
    variables = applied.states["bootstrap"]["outputs"]["github"]["value"]["variables"]
    made = {name: each["value"] for name, each in applied.states["platform"]["outputs"].items()}
    told = {
        "SLIPWAY_BUCKET": made["bucket"],
        "SLIPWAY_TRAINING_ROLE": made["training_role"],
        "SLIPWAY_TRAINING_REPOSITORY": made["training_repository"],
        "SLIPWAY_DVC_REMOTE": made["dvc_remote"],
    }
    assert variables | told == variables


def test_every_alarm_tells_somebody(applied: Any) -> None:
    assert len(applied.alarms) >= 5
    topic = "arn:aws:sns:us-east-1:123456789012:slipway-alerts"
    for alarm in applied.alarms:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
