"""What may be released follows from what CodeDeploy has on record, in its order."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slipway.delivery.release.record import Brought, Rejection, brought, read, rejection

NEW, OLD = "a" * 64, "b" * 64


def history(*rows: tuple[str, str, str, str] | Brought) -> list[Any]:
    """Deployments of (bundle, tag, status, error), a day apart; a Brought is one that succeeded."""
    found = []
    for day, row in enumerate(rows):
        told, status, error = (row, "Succeeded", "") if isinstance(row, Brought) else (Brought(*row[:2]), *row[2:])
        info: dict[str, Any] = {"deploymentId": f"d-{day}", "status": status, "description": told.text()}
        info["createTime"] = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        found.append(read(info | ({"errorInformation": {"code": error, "message": ""}} if error else {})))
    return found


@pytest.mark.parametrize("error", ["ALARM_ACTIVE", "MANUAL_STOP"])
@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_bundle_that_was_judged_stays_away_whatever_its_image(error: str, status: str) -> None:
    told = history((OLD, "1", "Succeeded", ""), (NEW, "2", status, error))
    for tag in ("2", "3"):
        found = rejection(told, NEW, tag)
        assert found is not None
        assert found.text() == f"bundle:{NEW}"
    assert rejection(told, OLD, "1") is None


@pytest.mark.parametrize("error", ["HOOK_EXECUTION_FAILURE", "INTERNAL_ERROR", "THROTTLED", "IAM_ROLE_PERMISSIONS"])
def test_what_aws_failed_at_may_come_again(error: str) -> None:
    assert rejection(history((NEW, "2", "Failed", error)), NEW, "2") is None


def test_one_that_is_under_way_is_not_judged() -> None:
    assert rejection(history((NEW, "2", "InProgress", "")), NEW, "2") is None


def test_new_code_that_fails_around_a_bundle_that_was_good_is_the_codes_fault() -> None:
    told = history((NEW, "1", "Succeeded", ""), (NEW, "2", "Stopped", "ALARM_ACTIVE"))
    found = rejection(told, NEW, "2")
    assert found is not None
    assert found.text() == "image:2"
    assert rejection(told, NEW, "3") is None


def test_what_a_first_release_brought_is_good_though_no_deployment_says_so() -> None:
    told = history((NEW, "2", "Stopped", "ALARM_ACTIVE"))
    assert rejection(told, NEW, "3") is not None
    assert rejection(told, NEW, "3", answering=NEW) is None
    assert rejection(told, NEW, "2", answering=NEW) is not None


def test_a_success_that_was_forced_clears_it() -> None:
    told = history((NEW, "2", "Stopped", "ALARM_ACTIVE"), (NEW, "2", "Succeeded", ""))
    assert rejection(told, NEW, "2") is None


def test_what_a_person_went_back_from_stays_away() -> None:
    told = history((OLD, "1", "Succeeded", ""), (NEW, "2", "Succeeded", ""), Brought(OLD, "1", "", "1", "2", NEW, "2"))
    assert rejection(told, NEW, "3") == Rejection("bundle", NEW, "it was taken back on 2026-01-03")
    assert rejection(told, OLD, "1") is None


@pytest.mark.parametrize(("status", "stays_away"), [("Failed", True), ("Stopped", False)])
def test_a_way_back_that_fails_has_judged_and_one_that_is_stopped_has_not(status: str, stays_away: bool) -> None:
    back = Brought(OLD, "1", "", "1", "2", NEW, "2")
    info = {"deploymentId": "d-9", "createTime": datetime(2026, 2, 1, tzinfo=UTC), "description": back.text()}
    told = [*history((OLD, "1", "Succeeded", ""), (NEW, "2", "Succeeded", "")), read(info | {"status": status})]
    assert (rejection(told, NEW, "2") is not None) == stays_away
    assert rejection(told, OLD, "1") is None


def test_what_a_release_took_back_for_what_no_deployment_had_brought_stays_away() -> None:
    back = Brought(OLD, version="1", before="2", rejects=NEW, rejects_tag="2")
    assert brought(back.text()) == back
    told = history((NEW, "2", "Succeeded", ""), back)
    assert rejection(told, NEW, "2", answering=OLD) == Rejection("bundle", NEW, "it was taken back on 2026-01-02")


def test_to_go_back_to_other_code_around_the_same_bundle_takes_the_code_back_alone() -> None:
    told = history((NEW, "1", "Succeeded", ""), (NEW, "2", "Succeeded", ""), Brought(NEW, "1", "", "1", "2", NEW, "2"))
    assert rejection(told, NEW, "2") is not None
    assert rejection(told, NEW, "3") is None


@pytest.mark.parametrize(
    "text", ["", "by hand", "[]", "{}", "[1]", "1", '{"bundle": 1}', '{"bundle": "a", "tag": "b", "more": "c"}']
)
def test_a_description_of_somebody_elses_is_none(text: str) -> None:
    assert brought(text) is None


def test_codedeploys_own_roll_back_is_no_release() -> None:
    told = {"deploymentId": "d-1", "status": "Succeeded", "createTime": datetime.now(UTC)}
    text = Brought(NEW, "2").text()
    assert read(told | {"description": text, "creator": "codeDeployRollback"}).brought is None
    assert read(told | {"description": text, "creator": "user"}).brought == Brought(NEW, "2")
    assert json.loads(text) == {"bundle": NEW, "tag": "2"}
