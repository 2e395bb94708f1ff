"""What bootstrap makes is what workflows use, and what decides of a training is main's."""

from typing import Any

from .rights import VARIABLE, roles, variables


def test_every_variable_that_bootstrap_sets_is_used(workflows: Any) -> None:
    assert variables() <= {name for text in workflows.texts.values() for name in VARIABLE.findall(text)}


def test_every_role_is_taken_by_a_job(workflows: Any) -> None:
    assert {workflows.role(body) for _, _, body in workflows.jobs()} - {None} == set(roles())


def test_what_is_decided_before_a_pull_request_trains_is_main_s(workflows: Any) -> None:
    jobs = workflows["train.yml"]["jobs"]
    checkouts = [
        workflows.using(jobs[job], "actions/checkout")[0]["with"]["ref"] for job in ("order", "permit", "stop")
    ]
    assert set(checkouts) == {"${{ github.event.repository.default_branch }}"}
    assert workflows.needed("train.yml", "submit") == ["permit"]
