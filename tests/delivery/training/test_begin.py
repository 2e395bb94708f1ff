"""The form's experiment is in git and on a draft pull request, however often it is asked for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.delivery.github import sticky
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.sticky import State, Status
from slipway.delivery.training.experiment import begin, read_form
from slipway.delivery.training.permit import overrides
from slipway.errors import UserError
from slipway.rehearsal.github import GitHub as Hub

ROOT = Path(__file__).resolve().parents[3]
FORM = {"FORM_NAME": "wider", "FORM_VALUES": "train.epochs=3", "FORM_SPOT": "false"}
Client = Callable[..., GitHub]


@pytest.fixture
def allowed(hub: Hub) -> None:
    """Jobs may open pull requests, as `make bootstrap` sets it."""
    hub.workflow_permissions["can_approve_pull_request_reviews"] = True


def tip(hub: Hub, branch: str) -> str:
    return hub.git.refs()[f"refs/heads/{branch}"]


@pytest.mark.usefixtures("allowed")
def test_an_experiment_is_a_commit_a_draft_a_label_and_a_comment(hub: Hub, client: Client, checkout: Path) -> None:
    asked, main = read_form(FORM, checkout), tip(hub, "main")
    number, sha = begin(client(), asked, main, "main")
    assert tip(hub, "experiment/wider") == sha
    assert hub.git.commit(sha).parents == (main,)
    [change] = hub.git.changes(main, sha)
    assert change.path == "params.yaml"
    pull = hub.pulls[number]
    assert (pull.draft, pull.labels, pull.base_ref, pull.head_sha) == (True, ["train"], "main", sha)
    state = sticky.find(client(), number).state  # type: ignore[union-attr]
    assert state
    assert (state.sha, state.status, state.compute) == (sha, "waiting", ("compute.spot=false",))


@pytest.mark.usefixtures("allowed")
def test_asked_again_it_finds_what_is_there(hub: Hub, client: Client, checkout: Path) -> None:
    asked, main = read_form(FORM, checkout), tip(hub, "main")
    first = begin(client(), asked, main, "main")
    hub.as_user().commit("main", {"README.md": "moved on\n"})
    assert begin(client(), asked, tip(hub, "main"), "main") == first
    assert len(hub.pulls) == 1
    assert len(hub.comments_of(first[0])) == 1


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("status", ["waiting", "training", "reported", "failed", "stopped"])
def test_asked_again_with_other_machines_the_next_attempt_has_those(
    status: Status, hub: Hub, client: Client, checkout: Path
) -> None:
    main = tip(hub, "main")
    number, sha = begin(client(), read_form(FORM | {"FORM_SPOT": "true"}, checkout), main, "main")
    job = "slipway-0123456789abcdef"
    there = State(sha=sha, job=job, attempt=2, status=status, compute=("compute.spot=true",))
    sticky.write(client(), number, f"### It is {status}", there)
    assert begin(client(), read_form(FORM, checkout), main, "main") == (number, sha)
    found = sticky.find(client(), number)
    assert found
    assert found.state == there.model_copy(update={"compute": ("compute.spot=false",)})
    assert f"### It is {status}\n" in found.text
    assert "compute.spot=false" in overrides(client(), number)


def test_asked_again_it_finds_its_branch_though_mains_order_is_another_by_now(
    hub: Hub, client: Client, checkout: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="allow it under Settings, Actions, General"):
        begin(client(), read_form(FORM, checkout), tip(hub, "main"), "main")
    made = tip(hub, "experiment/wider")
    hub.workflow_permissions["can_approve_pull_request_reviews"] = True
    other = "data: banking77\nmodel: bag\nset: {}\n"
    hub.as_user().commit("main", {"params.yaml": other})
    (tmp_path / "params.yaml").write_text(other, encoding="utf-8")
    (tmp_path / "conf").symlink_to(ROOT / "conf")
    # of that name, something else was asked for
    with pytest.raises(UserError, match="choose another name"):
        begin(client(), read_form(FORM | {"FORM_VALUES": "train.epochs=4"}, tmp_path), tip(hub, "main"), "main")
    number, sha = begin(client(), read_form(FORM, tmp_path), tip(hub, "main"), "main")
    assert sha == made == hub.pulls[number].head_sha
    assert "data: aws_docs" in str(hub.pulls[number].body)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("path", ["/git/trees$", "/git/commits$", "/git/refs$", "/pulls$", "/labels$", "/comments$"])
def test_an_answer_that_is_lost_makes_nothing_twice(path: str, hub: Hub, client: Client, checkout: Path) -> None:
    hub.faults.lose("POST", path)
    number, _ = begin(client(), read_form(FORM, checkout), tip(hub, "main"), "main")
    assert list(hub.pulls) == [number]
    assert hub.pulls[number].labels == ["train"]
    assert len(hub.comments_of(number)) == 1


@pytest.mark.usefixtures("allowed")
def test_a_branch_with_another_order_is_left_alone(hub: Hub, client: Client, checkout: Path) -> None:
    hub.as_user().commit("experiment/wider", {"params.yaml": "data: csv\n"})
    before = tip(hub, "experiment/wider")
    with pytest.raises(
        UserError, match=r"name: the branch experiment/wider is there already, with another params\.yaml"
    ):
        begin(client(), read_form(FORM, checkout), tip(hub, "main"), "main")
    assert tip(hub, "experiment/wider") == before
    assert hub.pulls == {}


@pytest.mark.usefixtures("allowed")
def test_the_same_order_as_mains_may_be_trained_too(hub: Hub, client: Client, checkout: Path) -> None:
    main = tip(hub, "main")
    asked = read_form({"FORM_NAME": "as-it-is"}, checkout)
    number, sha = begin(client(), asked, main, "main")
    assert sha != main
    assert hub.pulls[number].head_sha == sha


@pytest.mark.usefixtures("allowed")
def test_a_plan_without_drafts_gets_a_pull_request(hub: Hub, client: Client, checkout: Path) -> None:
    said = {"message": "Validation Failed", "errors": ["Draft pull requests are not supported in this repository."]}
    hub.faults.answer("POST", "/pulls$", 422, body=said)
    number, _ = begin(client(), read_form(FORM, checkout), tip(hub, "main"), "main")
    assert not hub.pulls[number].draft


def test_a_setting_that_is_missing_is_told_where_it_is(hub: Hub, client: Client, checkout: Path) -> None:
    with pytest.raises(UserError, match="allow it under Settings, Actions, General"):
        begin(client(), read_form(FORM, checkout), tip(hub, "main"), "main")
    hub.workflow_permissions["can_approve_pull_request_reviews"] = True
    hub.labels.clear()
    with pytest.raises(UserError, match="`gh label create train`; then run this again"):
        begin(client(), read_form(FORM, checkout), tip(hub, "main"), "main")
    hub.as_user().do("POST", "labels", {"name": "train"})
    number, _ = begin(client(), read_form(FORM, checkout), tip(hub, "main"), "main")
    assert list(hub.pulls) == [number]
    assert hub.pulls[number].labels == ["train"]
