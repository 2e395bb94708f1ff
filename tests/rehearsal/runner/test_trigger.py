"""Which events start which workflows."""

import pytest

from slipway.errors import UserError
from slipway.rehearsal.runner.outside import Event
from slipway.rehearsal.runner.patterns import chosen
from slipway.rehearsal.runner.trigger import inputs_of, skipped, starts

FILE = ".github/workflows/play.yml"


@pytest.mark.parametrize(
    ("name", "patterns", "expected"),
    [
        ("main", ["main"], True),
        ("experiment/one", ["experiment/*"], True),
        ("experiment/one/two", ["experiment/*"], False),
        ("experiment/one/two", ["experiment/**"], True),
        ("src/a.py", ["**/*.py"], True),
        ("a.py", ["**/*.py"], True),
        ("docs/a.md", ["**.md"], True),
        ("docs/a.md", ["docs/**", "!docs/*.md"], False),
        ("docs/a.md", ["!docs/*.md", "docs/**"], True),  # the order decides
        ("v1.20", ["v[12].[0-9]+"], True),
        ("v3.1", ["v[12].[0-9]+"], False),
        ("pages", ["*pages?"], True),
        ("a.b", ["a?b"], False),
        ("x+y", ["x\\+y"], True),
    ],
)
def test_patterns_choose_as_githubs_do(name, patterns, expected):
    assert chosen(name, patterns) is expected


def event(name: str, ref: str = "refs/heads/main", /, **payload: object) -> Event:
    return Event(name, payload, ref, "", "octocat")


def proposal(action: str, base: str = "main") -> Event:
    return event("pull_request", action=action, pull_request={"base": {"ref": base}})


def dispatch(**inputs: str) -> Event:
    return event("workflow_dispatch", workflow=FILE, inputs=inputs)


@pytest.mark.parametrize(
    ("on", "given", "expected"),
    [
        ("push", event("push"), True),
        ("push", event("push", deleted=True), False),
        (["push", "pull_request"], proposal("opened"), True),
        ("pull_request", proposal("synchronize"), True),
        ("pull_request", proposal("labeled"), False),
        ({"pull_request": {"types": ["labeled", "closed"]}}, proposal("closed"), True),
        ({"pull_request": {"types": ["labeled", "closed"]}}, proposal("opened"), False),
        ({"pull_request": {"branches": ["main"]}}, proposal("opened", "release"), False),
        ({"pull_request": {"branches-ignore": ["main"]}}, proposal("opened"), False),
        ({"push": {"branches": ["main"]}}, event("push"), True),
        ({"push": {"branches": ["main"]}}, event("push", "refs/heads/topic"), False),
        ({"push": {"branches": ["main"]}}, event("push", "refs/tags/v1"), False),
        ({"push": {"tags": ["v*"]}}, event("push", "refs/tags/v1"), True),
        ({"push": {"tags": ["v*"]}}, event("push"), False),
        ({"push": {"branches-ignore": ["topic"]}}, event("push", "refs/heads/topic"), False),
        ({"push": {"paths": ["src/**"]}}, event("push"), True),
        ({"push": {"paths": ["docs/**"]}}, event("push"), False),
        ({"push": {"paths-ignore": ["src/**"]}}, event("push"), True),  # README.md changed too
        ({"push": {"paths-ignore": ["src/**", "*.md"]}}, event("push"), False),
        ({"schedule": [{"cron": "*/15 * * * *"}]}, event("schedule", schedule="*/15 * * * *"), True),
        ({"schedule": [{"cron": "*/15 * * * *"}]}, event("schedule", schedule="0 0 * * *"), False),
        (
            {"repository_dispatch": {"types": ["training-ended"]}},
            event("repository_dispatch", action="training-ended"),
            True,
        ),
        ({"repository_dispatch": {"types": ["training-ended"]}}, event("repository_dispatch", action="other"), False),
        ({"workflow_dispatch": None}, dispatch(), True),
        ("workflow_dispatch", event("workflow_dispatch", workflow=".github/workflows/other.yml"), False),
        (
            "merge_group",
            event("merge_group", action="checks_requested", merge_group={"base_ref": "refs/heads/main"}),
            True,
        ),
        ("push", proposal("opened"), False),
    ],
)
def test_an_event_starts_what_asks_for_it(on, given, expected):
    assert starts({"on": on}, FILE, given, lambda: ["src/a.py", "README.md"]) is expected


def test_a_commit_may_ask_that_nothing_runs():
    assert skipped(event("push"), "Mend [skip ci]")
    assert not skipped(event("push"), "Mend")
    assert not skipped(dispatch(), "Mend [skip ci]")


FORM = {
    "on": {
        "workflow_dispatch": {
            "inputs": {
                "name": {"required": True},
                "model": {"type": "choice", "options": ["bag", "encoder"], "default": "bag"},
                "spot": {"type": "boolean", "default": True},
                "count": {"type": "number", "default": 1},
                "note": None,
            }
        }
    }
}


def test_inputs_have_their_types_and_defaults():
    assert inputs_of(FORM, dispatch(name="one")) == {
        "name": "one", "model": "bag", "spot": True, "count": 1, "note": "",
    }  # fmt: skip
    given = inputs_of(FORM, dispatch(name="one", model="encoder", spot="false", count="2.5"))
    assert (given["model"], given["spot"], given["count"]) == ("encoder", False, 2.5)
    assert inputs_of(FORM, event("push")) == {}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "Required input 'name' not provided"),
        ({"name": "x", "model": "other"}, "Provided value 'other' for input 'model' not in the list of allowed values"),
        ({"name": "x", "spot": "maybe"}, "'maybe' for input 'spot' is no boolean"),
        ({"name": "x", "count": "many"}, "'many' for input 'count' is no number"),
        ({"name": "x", "size": "1"}, "Unexpected inputs provided: ['size']"),
    ],
)
def test_inputs_that_do_not_fit_the_form_are_refused(inputs, words):
    with pytest.raises(UserError) as caught:
        inputs_of(FORM, dispatch(**inputs))
    assert words in str(caught.value)
