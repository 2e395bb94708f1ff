"""What an acceptance finds where AWS trusts others than GitHub's jobs, or tells GitHub nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.compute.sagemaker.account import Account
from slipway.delivery.acceptance.record import Broken
from slipway.delivery.acceptance.story import check_events
from slipway.delivery.acceptance.trust import check_denied, check_policy, trust
from slipway.delivery.repository.needs import Needs
from slipway.errors import UserError
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.identity.roles import ALL

ROOT = Path(__file__).resolve().parents[3]
ACCOUNT = "123456789012"
ROLE = "role/slipway/github/slipway-deploy-staging"
ARN = f"arn:aws:iam::{ACCOUNT}:{ROLE}"
NEEDS = Needs("acme/texts", "202", "main", {}, {"staging": "main"})
REPOSITORY = {"id": 202, "name": "texts", "owner": {"login": "acme", "id": 101}}
TRUST = trust(NEEDS, REPOSITORY, "AWS_ROLE_DEPLOY_STAGING", ARN)
PERSONS = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedAws]:
    """An account, seen from the project's root."""
    monkeypatch.chdir(ROOT)
    with EmulatedAws() as there:
        for name, value in there.environment.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield there


def made(aws: EmulatedAws, *statements: dict[str, Any]) -> str:
    """The ARN of a role with GitHub's boundary whom these statements let in."""
    iam = aws.client("iam")
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    boundary = iam.create_policy(
        PolicyName="slipway-github-boundary",
        Path="/slipway/",
        PolicyDocument=json.dumps(ALL),
    )
    return str(
        iam.create_role(
            RoleName="slipway-deploy-staging",
            Path="/slipway/github/",
            AssumeRolePolicyDocument=policy,
            PermissionsBoundary=boundary["Policy"]["Arn"],
        )["Role"]["Arn"]
    )


def test_a_role_of_any_branch_is_found(aws: EmulatedAws) -> None:
    claims = dict(TRUST["Condition"]["StringEquals"])
    del claims["token.actions.githubusercontent.com:ref"]
    arn = made(aws, TRUST | {"Condition": {"StringEquals": claims}})
    with pytest.raises(Broken, match=r"slipway-deploy-staging trusts .*make bootstrap"):
        check_policy(Account("us-east-1"), arn, TRUST)


def test_a_role_that_a_person_can_take_is_found(aws: EmulatedAws) -> None:
    arn = made(aws, TRUST, PERSONS)
    with pytest.raises(Broken, match="was taken by a person"):
        check_denied(Account("us-east-1"), arn)


def test_a_role_as_bootstrap_makes_it_is_good(aws: EmulatedAws) -> None:
    arn = made(aws, TRUST)
    check_policy(Account("us-east-1"), arn, TRUST)
    check_denied(Account("us-east-1"), arn)


def test_it_does_not_begin_where_no_event_would_arrive(aws: EmulatedAws) -> None:
    with pytest.raises(UserError, match=r"set `github_events`"):
        check_events(Account("us-east-1"))
    aws.client("events").create_connection(
        Name="slipway-github",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "none"}},
    )
    check_events(Account("us-east-1"))
