"""What the end of a story finds, and what its timeline tells of it."""

from typing import Any

import pytest
from rich.console import Console

from slipway.delivery.release.record import Brought
from slipway.rehearsal.runner.concurrency import OUSTED
from slipway.rehearsal.runner.outside import Event
from slipway.rehearsal.runner.record import JobRecord, WorkflowRun
from slipway.rehearsal.story.ending import repeated
from slipway.rehearsal.story.evidence import failed
from slipway.rehearsal.story.timeline import Timeline


def deployment(tag: str, version: str = "2", **other: str) -> dict[str, Any]:
    description = Brought(bundle="b", tag=tag, version=version).text()
    told = {"applicationName": "production", "creator": "user", "description": description, "status": "Succeeded"}
    return told | other


def ended(*jobs: JobRecord) -> WorkflowRun:
    event = Event("push", {}, "refs/heads/main", "0" * 40, "octocat")
    return WorkflowRun("ci.yml", "ci", 1, 1, 1, event, "refs/heads/main", "0" * 40, "cancelled", jobs)


def test_an_image_that_is_released_again_is_found_whatever_version_it_got() -> None:
    assert repeated([deployment("a", version="2"), deployment("a", version="3")]) == ["a (production)"]


def test_an_image_may_come_again_after_another_or_after_a_failure_or_elsewhere() -> None:
    assert repeated([deployment("a"), deployment("b"), deployment("a")]) == []
    assert repeated([deployment("a", status="Failed"), deployment("a")]) == []
    assert repeated([deployment("a"), deployment("a", creator="codeDeployRollback")]) == []
    assert repeated([deployment("a"), deployment("a", applicationName="staging")]) == []


def test_a_job_that_ran_out_of_time_has_failed_and_one_that_gave_way_has_not() -> None:
    late = JobRecord("late", "late", "cancelled", reason="The job has exceeded the maximum execution time of 5 minutes")
    ousted = JobRecord("ousted", "ousted", "cancelled", reason=f"{OUSTED} for deploy exists")
    waited = JobRecord("waited", "waited", "cancelled")
    assert failed(ended(JobRecord("good", "good", "success"), late, ousted, waited)) == [late]


def test_an_act_that_breaks_off_between_its_steps_is_not_good() -> None:
    timeline = Timeline(Console(quiet=True))

    def broken_off() -> None:
        with timeline.act("An act"):
            with timeline.step("a step") as step:
                step.shows("it went well")
            raise KeyError("lost")

    with pytest.raises(KeyError):
        broken_off()
    assert not timeline.good
    assert timeline.acts[0].broken == "'lost'"
    assert timeline.seconds >= timeline.acts[0].seconds >= timeline.acts[0].steps[0].seconds
