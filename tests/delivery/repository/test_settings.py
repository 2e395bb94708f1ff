"""GitHub is told all that it needs, once, through the real `gh`; what a person has set there is kept."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.delivery.repository.by_hand import by_hand, commands
from slipway.delivery.repository.needs import Needs
from slipway.delivery.repository.settings import settle
from slipway.errors import UserError
from slipway.rehearsal.github import CUSTOM, GitHub, RefusedError

NEEDS = Needs(
    repository="acme/texts",
    id="202",
    branch="main",
    variables={
        "AWS_REGION": "eu-central-1",
        "SLIPWAY_QUOTE": """it's "so" $HOME `id` \\n; exit""",
    },
    environments={"train": None, "report": "main", "infra": "main", "production": "main"},
)
OCTOCAT = [{"type": "User", "id": 1}]
CHECKS = [{"context": name, "integration_id": 15368} for name in ("test", "model-gate")]


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The real `gh`, which knows no login and, of this machine's user, nothing."""
    found = shutil.which("gh")
    if found is None:
        pytest.skip("gh is missing: https://cli.github.com")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GH_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("APPROVE", raising=False)
    return found


def reach(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `gh` ask that, and nothing else; all is approved."""
    for name, value in (github.environment | {"APPROVE": "yes"}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def github(gh: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """A public repository without settings, which `gh` reaches."""
    with GitHub() as there:
        reach(there, monkeypatch)
        yield there


def branches(github: GitHub, environment: str) -> list[tuple[str, str]]:
    """What an environment takes jobs of."""
    return [(each["name"], each["type"]) for each in github.environments[environment]["policies"]]


def rules(github: GitHub) -> dict[str, dict[str, Any]]:
    """The parameters of the one ruleset named slipway, by type."""
    [found] = [each for each in github.rulesets.values() if each["name"] == "slipway"]
    assert len({rule["type"] for rule in found["rules"]}) == len(found["rules"])
    return {rule["type"]: rule.get("parameters", {}) for rule in found["rules"]}


def writes(github: GitHub) -> list[str]:
    """The requests that change something."""
    return [each for each in github.requests if not each.startswith("GET ")]


def assert_complete(github: GitHub) -> None:
    """The repository has all that it needs, and no more."""
    assert github.variables == NEEDS.variables
    assert set(github.environments) == set(NEEDS.environments)
    assert github.environments["train"]["deployment_branch_policy"] is None
    for name in ("report", "infra", "production"):
        assert github.environments[name]["deployment_branch_policy"] == CUSTOM
        assert branches(github, name) == [("main", "branch")]
    assert {name: each["reviewers"] for name, each in github.environments.items()} == {
        "train": None,
        "report": None,
        "infra": OCTOCAT,
        "production": OCTOCAT,
    }
    # jobs open pull requests, and their tokens read unless a workflow says more
    assert github.workflow_permissions == {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": True,
    }
    assert set(github.labels) == {"train"}
    [ruleset] = github.rulesets.values()
    assert (ruleset["target"], ruleset["enforcement"], ruleset["bypass_actors"]) == ("branch", "active", [])
    assert ruleset["conditions"] == {"ref_name": {"include": ["refs/heads/main"], "exclude": []}}
    assert set(rules(github)) == {"deletion", "non_fast_forward", "pull_request", "required_status_checks"}
    assert rules(github)["required_status_checks"]["required_status_checks"] == CHECKS
    assert rules(github)["required_status_checks"]["strict_required_status_checks_policy"] is True


def test_an_empty_repository_gets_all_and_a_second_time_nothing(
    github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(NEEDS)
    assert_complete(github)
    said = capsys.readouterr().out
    assert "acme/texts on GitHub lacks:\n" in said
    assert "\n  variable AWS_REGION: eu-central-1\n" in said
    assert said.endswith("It is set.\n")
    github.requests.clear()
    settle(NEEDS)
    assert writes(github) == []
    assert capsys.readouterr().out == "\nacme/texts on GitHub has all that it needs.\n"


def test_what_has_changed_is_changed_and_what_is_a_persons_is_kept(github: GitHub) -> None:
    mine = {f"MINE_{number:02}": "1" for number in range(40)}  # more than one page of GitHub's
    github.variables |= mine | {"AWS_REGION": "us-east-1"}
    settle(NEEDS)
    assert github.variables == mine | NEEDS.variables
    settle(replace(NEEDS, variables={"AWS_REGION": "eu-north-1"}))
    assert github.variables["AWS_REGION"] == "eu-north-1"


def environment(number: int, **told: Any) -> dict[str, Any]:
    """An environment as the emulation keeps it."""
    bare = {"id": number, "wait_timer": 0, "prevent_self_review": False, "reviewers": None, "policies": []}
    return bare | {"deployment_branch_policy": None} | told


def test_reviewers_timers_and_branches_that_a_person_chose_are_kept(github: GitHub) -> None:
    team = [{"type": "Team", "id": 7}, {"type": "User", "id": 8}]
    github.environments["production"] = environment(1, wait_timer=30, reviewers=team, prevent_self_review=True)
    github.environments["infra"] = environment(2, wait_timer=5)
    feature = [{"id": 5, "name": "feature/*", "type": "branch"}]
    github.environments["train"] = environment(3, deployment_branch_policy=CUSTOM, policies=feature)
    github.environments["pages"] = environment(4, wait_timer=1)
    settle(NEEDS)
    production, infra = github.environments["production"], github.environments["infra"]
    assert (production["wait_timer"], production["reviewers"], production["prevent_self_review"]) == (30, team, True)
    assert (infra["wait_timer"], infra["reviewers"]) == (5, OCTOCAT)
    for name in ("production", "infra"):
        assert github.environments[name]["deployment_branch_policy"] == CUSTOM
        assert branches(github, name) == [("main", "branch")]
    assert branches(github, "train") == [("feature/*", "branch")]
    assert github.environments["pages"] == environment(4, wait_timer=1)


def test_no_other_branch_is_left_to_an_environment_of_main(github: GitHub) -> None:
    stale = [{"id": 11, "name": "release/*", "type": "branch"}, {"id": 12, "name": "main", "type": "tag"}]
    github.environments["report"] = environment(1, deployment_branch_policy=CUSTOM, policies=[*stale])
    # it goes by protected branches, and has not forgotten the names from before that
    protected = {key: not value for key, value in CUSTOM.items()}
    github.environments["production"] = environment(2, deployment_branch_policy=protected, policies=[*stale])
    settle(NEEDS)
    assert branches(github, "report") == branches(github, "production") == [("main", "branch")]


def test_further_rules_of_a_person_are_kept_and_weaker_ones_are_not(github: GitHub) -> None:
    settle(NEEDS)
    [number] = github.rulesets
    ours = github.rulesets[number]
    rules(github)["pull_request"]["required_approving_review_count"] = 2
    checks = rules(github)["required_status_checks"]["required_status_checks"]
    checks[:] = [{"context": "test"}, {"context": "licences"}]
    ours["rules"] = [rule for rule in ours["rules"] if rule["type"] != "deletion"] + [{"type": "required_signatures"}]
    ours["bypass_actors"] = [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "pull_request"}]
    ours["enforcement"] = "disabled"
    ours["conditions"] = {"ref_name": {"include": ["refs/heads/v1"], "exclude": ["refs/heads/main"]}}
    other = {**ours, "id": 1, "name": "mine", "rules": [{"type": "creation"}]}
    github.rulesets[1] = other
    settle(NEEDS)
    assert github.rulesets[1] is other
    assert len(github.rulesets) == 2
    found = rules(github)
    assert found.keys() >= {"deletion", "non_fast_forward", "required_signatures"}
    assert found["pull_request"]["required_approving_review_count"] == 2
    assert found["required_status_checks"]["required_status_checks"] == [
        {"context": "test"},
        {"context": "licences"},
        CHECKS[1],
    ]
    now = github.rulesets[number]
    assert (now["enforcement"], now["bypass_actors"]) == ("active", ours["bypass_actors"])
    assert now["conditions"] == {"ref_name": {"include": ["refs/heads/v1", "refs/heads/main"], "exclude": []}}


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (
            "free",
            [
                "report: jobs of main alone",
                "AWS gives a role to none but those of main",
                "ruleset slipway",
            ],
        ),
        ("team", ["infra: its jobs wait for approval by octocat", "jobs start without anybody's approval"]),
    ],
)
def test_what_a_plan_lacks_is_said_with_what_it_means_and_the_rest_is_set(
    gh: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], plan: str, said: list[str]
) -> None:
    with GitHub(plan=plan) as github:
        reach(github, monkeypatch)
        settle(NEEDS)
        assert github.variables == NEEDS.variables
        assert "train" in github.environments
        assert len(github.rulesets) == (plan == "team")
        assert branches(github, "production") == ([("main", "branch")] if plan == "team" else [])
        assert writes(github).count("POST /repos/acme/texts/rulesets") == 1
    _, _, notices = capsys.readouterr().out.partition("notice: the repository's plan lacks this")
    for text in said:
        assert text in notices
    assert notices.endswith("The rest is set.\n")


def test_a_right_that_gh_lacks_stops_it_and_the_next_run_goes_on(github: GitHub) -> None:
    missing = RefusedError(403, "Resource not accessible by personal access token")
    github.refusals["PUT /repos/acme/texts/environments/infra"] = missing
    with pytest.raises(UserError, match=r"refuses `environment infra: .* personal access token \(HTTP 403\)\. Mend it"):
        settle(NEEDS)
    assert github.variables == NEEDS.variables
    github.refusals.clear()
    settle(NEEDS)
    assert_complete(github)


def test_github_out_of_order_is_no_empty_repository(github: GitHub) -> None:
    github.refusals["GET /repos/acme/texts/environments"] = RefusedError(503, "Service Unavailable")
    with pytest.raises(
        UserError, match=r"does not show repos/acme/texts/environments\S*: Service Unavailable \(HTTP 503"
    ):
        settle(NEEDS)
    assert writes(github) == []


def test_who_does_not_administrate_gets_the_commands_for_who_does(
    github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    github.admin = False
    with pytest.raises(UserError, match=r"octocat may not administrate acme/texts .* or let them run the commands"):
        settle(NEEDS)
    assert by_hand(NEEDS) in capsys.readouterr().out
    assert writes(github) == []


def test_an_unknown_repository_is_named(github: GitHub) -> None:
    github.visible = False
    with pytest.raises(UserError, match=r"shows octocat no repository acme/texts: make it, .*terraform\.tfvars"):
        settle(NEEDS)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"id": "203"}, "AWS will trust acme/texts, number 203, branch main; on GitHub it is acme/texts, number 202"),
        ({"repository": "Acme/texts"}, "AWS will trust Acme/texts, .* on GitHub it is acme/texts"),
        ({"branch": "trunk"}, "number 202, branch trunk; on GitHub .* number 202, branch main"),
    ],
)
def test_a_repository_that_aws_would_not_trust_is_refused(github: GitHub, other: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        settle(replace(NEEDS, **other))  # type: ignore[arg-type]
    assert writes(github) == []


def test_without_a_connection_it_says_so(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    (github.folder / "socket").unlink()
    with pytest.raises(UserError, match=r"GitHub does not answer gh \(.*socket.*\): mend the connection"):
        settle(NEEDS)
    assert by_hand(NEEDS) in capsys.readouterr().out


def test_without_a_login_everything_is_printed(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    github.login = None  # a token that has expired
    settle(NEEDS)
    assert github.requests == ["GET /user"]
    monkeypatch.delenv("GH_TOKEN")
    settle(NEEDS)
    assert github.requests == ["GET /user"]
    said = f"\ngh is not logged in to github.com: `gh auth login`.\n\n{by_hand(NEEDS)}\n"
    assert capsys.readouterr().out == said * 2


def test_without_gh_everything_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settle(NEEDS)
    said = capsys.readouterr().out
    for line in (
        "acme/texts on GitHub needs:",
        "  variable AWS_REGION: eu-central-1",
        "  environment train: jobs of any branch",
        "  environment production: jobs of main alone; they wait for a person's approval",
        "  that workflows may open pull requests",
        "  ruleset slipway: main changes by pull requests that pass test and model-gate, up to date; no force push, "
        "no deletion",
        *commands(NEEDS),
    ):
        assert f"{line}\n" in said


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_printed_commands_set_the_same_and_may_be_pasted_twice(github: GitHub, tmp_path: Path, shell: str) -> None:
    pasted = "\n".join(commands(NEEDS))

    def paste() -> str:
        done = subprocess.run([shell], input=pasted, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert paste() == ""
    assert_complete(github)
    github.requests.clear()
    settle(NEEDS)
    assert writes(github) == []
    again = paste()
    assert_complete(github)
    assert "production is there: see under Settings, Environments" in again
    assert "Validation Failed (HTTP 422)" in again  # the ruleset's name is taken


def test_the_printed_commands_leave_an_environment_with_a_persons_rules_alone(github: GitHub) -> None:
    before = environment(1, wait_timer=30, reviewers=[{"type": "Team", "id": 7}])
    github.environments["production"] = dict(before)
    subprocess.run(["sh"], input="\n".join(commands(NEEDS)), capture_output=True, text=True, check=False)
    assert github.environments["production"] == before
    assert branches(github, "infra") == [("main", "branch")]


@pytest.mark.parametrize(("typed", "is_set"), [("yes\n", True), ("y\n", False), ("\n", False)])
def test_a_person_is_asked_once(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, is_set: bool
) -> None:
    monkeypatch.delenv("APPROVE")
    master, terminal = os.openpty()
    with os.fdopen(master, "wb") as keys, os.fdopen(terminal) as stdin:
        keys.write(typed.encode())
        keys.flush()
        monkeypatch.setattr("sys.stdin", stdin)
        settle(NEEDS)
    said = capsys.readouterr().out
    assert said.count("Set it as octocat? Type yes: ") == 1
    if is_set:
        assert_complete(github)
    else:
        assert writes(github) == []
        assert f"Nothing was set.\n\n{by_hand(NEEDS)}" in said


@pytest.mark.parametrize("told", ["no", None])
def test_where_nobody_can_answer_nothing_is_set(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], told: str | None
) -> None:
    monkeypatch.delenv("APPROVE")
    if told:
        monkeypatch.setenv("APPROVE", told)
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        settle(NEEDS)
    assert writes(github) == []
    assert by_hand(NEEDS) in capsys.readouterr().out


def test_another_host_that_gh_knows_is_not_meant(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "github.example.com"
    (github.folder / "hosts.yml").write_text(f"{other}:\n  oauth_token: other\n  user: someone\n")
    settle(NEEDS)
    assert_complete(github)
    (github.folder / "hosts.yml").unlink()
    github.requests.clear()
    monkeypatch.setenv("GH_HOST", other)
    settle(NEEDS)
    assert github.requests
    # nor is github.com asked without a login
    github.requests.clear()
    monkeypatch.delenv("GH_TOKEN")
    settle(NEEDS)
    assert github.requests == []
    assert "gh is not logged in to github.com" in capsys.readouterr().out
