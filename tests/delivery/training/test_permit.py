"""A training is for those with write rights to ask for, and for branches of this repository."""

from collections.abc import Callable

import pytest

from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.sticky import BOT, State
from slipway.delivery.training.permit import number_of, overrides, permitted
from slipway.errors import UserError
from slipway.rehearsal.github import GitHub as Hub

Client = Callable[..., GitHub]
Opened = Callable[..., int]


@pytest.fixture
def by(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, dict[str, str]]]:
    """Says who started the run, and by which event."""

    def make(actor: str, event: str = "pull_request", again: str | None = None) -> dict[str, dict[str, str]]:
        monkeypatch.setenv("GITHUB_ACTOR", actor)
        monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", again or actor)
        monkeypatch.setenv("GITHUB_EVENT_NAME", event)
        return {"sender": {"login": actor}}

    return make


@pytest.mark.parametrize("role", ["admin", "maintain", "write"])
def test_who_may_write_may_let_it_train(role: str, hub: Hub, client: Client, opened: Opened, by: Opened) -> None:
    number = opened("wider", "train")
    hub.as_user("hubot", role)
    found = permitted(client(), number, by("hubot"))
    assert (found.number, found.branch, found.base) == (number, "wider", "main")
    assert found.sha == hub.pulls[number].head_sha


@pytest.mark.parametrize("role", ["triage", "read", "none"])
def test_who_may_not_write_is_refused_in_words(role: str, hub: Hub, client: Client, opened: Opened, by: Opened) -> None:
    number = opened("wider", "train")
    hub.as_user("mallory", role)
    with pytest.raises(UserError, match="mallory has no write rights in acme/texts"):
        permitted(client(), number, by("mallory"))
    with pytest.raises(UserError, match="mallory has no write rights"):
        permitted(client(), number, by("octocat", again="mallory"))


def test_a_stranger_is_refused(client: Client, opened: Opened, by: Opened) -> None:
    with pytest.raises(UserError, match="nobody-knows has no write rights"):
        permitted(client(), opened("wider", "train"), by("nobody-knows"))


def test_a_fork_is_refused_in_words(hub: Hub, client: Client, by: Opened) -> None:
    mallory = hub.as_user("mallory", "read")
    mallory.fork()
    mallory.commit("evil", {"params.yaml": "data: csv\n"}, owner="mallory")
    number = mallory.open_pull_request("mallory:evil")
    hub.as_user().label(number, "train")
    with pytest.raises(UserError, match=f"#{number} comes from a fork"):
        permitted(client(), number, by("octocat"))


def test_without_the_label_or_closed_it_does_not_train(hub: Hub, client: Client, opened: Opened, by: Opened) -> None:
    number = opened("wider")
    with pytest.raises(UserError, match="does not have the label train"):
        permitted(client(), number, by("octocat"))
    hub.as_user().label(number, "train")
    hub.as_user().close(number)
    with pytest.raises(UserError, match="is closed"):
        permitted(client(), number, by("octocat"))


def test_the_sweep_may_ask_by_dispatch_alone(client: Client, opened: Opened, by: Opened) -> None:
    number = opened("wider", "train")
    assert permitted(client(), number, by(BOT, "workflow_dispatch")).number == number
    with pytest.raises(UserError, match="has no write rights"):
        permitted(client(), number, by(BOT, "pull_request"))


def test_the_sweep_asks_for_what_those_with_write_rights_have_labelled(
    hub: Hub, client: Client, opened: Opened, by: Opened
) -> None:
    number, github, helper = opened("wider", "train"), client(), hub.as_user("helper", "triage")
    hub.as_user().do("POST", "labels", {"name": "another"})
    helper.unlabel(number, "train")
    helper.label(number, "train")
    helper.label(number, "another")
    with pytest.raises(UserError, match="helper has no write rights"):
        permitted(github, number, by(BOT, "workflow_dispatch"))
    helper.unlabel(number, "train")
    github.post(f"issues/{number}/labels", {"labels": ["train"]})
    assert permitted(github, number, by(BOT, "workflow_dispatch")).number == number
    hub.pulls[number].labelled.clear()
    with pytest.raises(UserError, match="does not say who set the label train"):
        permitted(github, number, by(BOT, "workflow_dispatch"))


def test_a_push_trains_what_those_with_write_rights_have_labelled(
    hub: Hub, client: Client, opened: Opened, by: Opened
) -> None:
    number = opened("wider")
    hub.as_user("helper", "triage").label(number, "train")
    said = (
        "helper has no write rights in acme/texts \\(read\\), and training costs money: helper set the label train of "
        f"#{number}; someone who has them must take it off and set it again"
    )
    with pytest.raises(UserError, match=said):
        permitted(client(), number, by("octocat"))
    hub.as_user().unlabel(number, "train")
    hub.as_user().label(number, "train")
    assert permitted(client(), number, by("octocat")).number == number


def test_the_number_comes_of_the_event_or_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULL_REQUEST", raising=False)
    assert number_of({"pull_request": {"number": 12}}) == 12
    assert number_of({"inputs": {"pull_request": "13"}}) == 13
    for wrong in ("", "../1", "1 2", "\uff11", "9" * 10):
        with pytest.raises(UserError, match="no pull request is named"):
            number_of({"inputs": {"pull_request": wrong}})
    monkeypatch.setenv("PULL_REQUEST", "14")
    assert number_of({}) == 14


def test_the_forms_choices_reach_the_submission(client: Client, opened: Opened) -> None:
    number, github = opened("wider", "train"), client()
    assert overrides(github, number) == f"compute.tags.pull-request={number}"
    state = State(sha="a" * 40, compute=("compute.instance_types=[ml.g5.xlarge]", "compute.spot=false"))
    sticky.write(github, number, "x", state)
    assert overrides(github, number) == (
        f"'compute.instance_types=[ml.g5.xlarge]' compute.spot=false compute.tags.pull-request={number}"
    )
