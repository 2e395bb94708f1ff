"""Which jobs of deploy.yml run after what, and which runs wait for one another, as GitHub reads its conditions."""

from typing import Any

import pytest

from slipway.rehearsal.runner.language import Language

STATUS = {"success": True, "failure": False, "cancelled": False}
MAIN = "refs/heads/main"


@pytest.fixture(scope="module")
def deploy(workflows: Any, language: Language) -> Any:
    return language.parse("deploy.yml", workflows.texts["deploy.yml"])


def group(deploy: Any, language: Language, ref: str = MAIN, **inputs: object) -> str:
    contexts = {"github": {"ref": ref}, "inputs": inputs}
    return str(language.evaluate(deploy["concurrency"]["group"], contexts))


def test_what_a_person_asks_for_waits_for_no_release_and_nothing_takes_its_place(
    deploy: Any, language: Language
) -> None:
    pushed = group(deploy, language)
    back = group(deploy, language, version="3", force=False)
    assert group(deploy, language, version="", force=False) == pushed
    assert group(deploy, language, version="3", force=True) == back
    forced = group(deploy, language, version="", force=True)
    elsewhere = [
        group(deploy, language, "refs/heads/other", **each) for each in ({}, {"version": "3"}, {"force": True})
    ]
    assert len({pushed, back, forced, *elsewhere}) == 6


def done(result: str = "success", **outputs: str) -> dict[str, Any]:
    return {"result": result, "outputs": outputs}


SKIPPED = done("skipped")


@pytest.mark.parametrize(
    ("job", "version", "needs", "runs"),
    [
        ("desired", "", {}, True),
        ("desired", "3", {}, False),
        ("roll-back", "", {}, False),
        ("roll-back", "3", {}, True),
        ("staging", "", {"desired": done(staging="true")}, True),
        ("staging", "", {"desired": done(staging="false")}, False),
        ("staging", "3", {"desired": SKIPPED}, False),
        ("production", "", {"desired": done(production="true"), "staging": done()}, True),
        # an earlier run brought staging so far, and no further
        ("production", "", {"desired": done(production="true"), "staging": SKIPPED}, True),
        ("production", "", {"desired": done(production="true"), "staging": done("failure")}, False),
        ("production", "", {"desired": done(production="true"), "staging": done("cancelled")}, False),
        ("production", "", {"desired": done(production="false"), "staging": done()}, False),
        ("production", "3", {"desired": SKIPPED, "staging": SKIPPED}, False),
        ("revert", "", {"desired": done(), "production": done(rejected=""), "roll-back": SKIPPED}, False),
        ("revert", "", {"desired": done(), "production": done("failure", rejected="bundle:a")}, True),
        ("revert", "", {"desired": done(), "production": done("failure")}, False),
        ("revert", "", {"desired": done("failure"), "production": SKIPPED}, False),
        # an earlier run was cut off before it
        ("revert", "", {"desired": done(rejected="image:a"), "production": SKIPPED}, True),
        ("revert", "3", {"desired": SKIPPED, "roll-back": done(rejected="bundle:a")}, True),
        ("revert", "3", {"desired": SKIPPED, "roll-back": done(rejected="")}, False),
        ("revert", "3", {"desired": SKIPPED, "roll-back": done("failure")}, False),
    ],
)
def test_a_job_runs_where_it_has_something_to_do(
    job: str, version: str, needs: dict[str, Any], runs: bool, deploy: Any, language: Language
) -> None:
    contexts = {"needs": needs, "inputs": {"version": version}, "vars": {"AWS_ROLE_OPERATE": "arn"}}
    well = all(each["result"] == "success" for each in needs.values())
    status = STATUS | {"success": well, "failure": not well}
    assert language.holds(deploy["jobs"][job]["if"], contexts, status) == runs


def test_nothing_is_released_before_bootstrap(deploy: Any, language: Language) -> None:
    contexts = {"inputs": {"version": ""}, "vars": {"AWS_ROLE_OPERATE": ""}, "needs": {}}
    assert not language.holds(deploy["jobs"]["desired"]["if"], contexts, STATUS)
