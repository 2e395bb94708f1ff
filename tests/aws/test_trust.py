"""Who may become what: exactly the intended of GitHub's tokens may take each of the seven roles.

Claims of a token: https://docs.github.com/en/actions/reference/security/oidc
"""

from collections.abc import Iterator
from typing import Any

import pytest

from slipway.rehearsal.aws.identity.trust import ISSUER, may_take

pytestmark = pytest.mark.slow
ROLES = ("plan", "train", "report", "operate", "infra", "deploy-staging", "deploy-production")
# environment on GitHub of each role but `plan`, and whether its jobs run for main alone
ENVIRONMENTS = {"staging": "deploy-staging", "production": "deploy-production"} | {
    name: name for name in ("train", "report", "operate", "infra")
}
MAIN, BRANCH, TAG, PULL = "refs/heads/main", "refs/heads/feature", "refs/tags/v1", "refs/pull/5/merge"
FORMS = ("classic", "immutable")
Token = dict[str, str]


def token(job: str, form: str = "classic", ref: str = MAIN, repository: str = "acme/texts", **changes: str) -> Token:
    """What GitHub signs for a job: of an environment, or as `pull_request` or `ref:REF`."""
    numbers = {"owner_id": "101", "repository_id": "202"} | changes
    owner, name = repository.split("/")
    names = {
        "classic": f"{owner}/{name}",
        "immutable": f"{owner}@{numbers['owner_id']}/{name}@{numbers['repository_id']}",
    }
    claims = {"sub": f"repo:{names[form]}:{job}", "aud": "sts.amazonaws.com", "ref": ref}
    claims |= {"repository": repository, "repository_id": numbers["repository_id"]}
    if job.startswith("environment:"):
        claims["environment"] = job.removeprefix("environment:")
    return claims | {key: value for key, value in changes.items() if key in ("sub", "aud", "environment")}


def tokens() -> Iterator[tuple[str, Token, str | None]]:
    """A name, a token, and the one role that it may take."""
    for form in FORMS:
        yield f"pull request, {form}", token("pull_request", form, PULL), "plan"
        for environment, role in ENVIRONMENTS.items():
            job = f"environment:{environment}"
            everywhere = role if environment == "train" else None
            yield f"{environment} on main, {form}", token(job, form), role
            yield f"{environment} on a branch, {form}", token(job, form, BRANCH), everywhere
            yield f"{environment} on a tag, {form}", token(job, form, TAG), everywhere
            yield f"{environment} on a pull request, {form}", token(job, form, PULL), everywhere
        yield f"main without an environment, {form}", token(f"ref:{MAIN}", form), None
        yield f"a branch without an environment, {form}", token(f"ref:{BRANCH}", form, BRANCH), None
        yield f"a tag without an environment, {form}", token(f"ref:{TAG}", form, TAG), None
        yield f"an environment that nobody knows, {form}", token("environment:test", form), None
        yield f"an environment in capitals, {form}", token("environment:Production", form), None
        yield f"an environment that begins alike, {form}", token("environment:production-eu", form), None
    strangers: dict[str, dict[str, Any]] = {
        "a fork": {"repository": "mallory/texts", "owner_id": "666", "repository_id": "667"},
        "another repository of the owner": {"repository": "acme/other", "repository_id": "203"},
        "a repository that begins alike": {"repository": "acme/texts-evil", "repository_id": "204"},
        "the owner renamed": {"repository": "acme-corp/texts"},
        "the repository renamed": {"repository": "acme/words"},
        "the names taken by somebody else": {"owner_id": "666", "repository_id": "667"},
        "the name of the repository made anew": {"repository_id": "205"},
        "another audience": {"aud": "https://github.com/acme"},
    }
    for form in FORMS:
        for who, changes in strangers.items():
            for job in ("pull_request", "environment:train", "environment:infra", "environment:production"):
                yield f"{who}: {job}, {form}", token(job, form, **changes), None
    without = token("environment:production")
    yield "without the repository's number", {k: v for k, v in without.items() if k != "repository_id"}, None
    yield "without an audience", {k: v for k, v in without.items() if k != "aud"}, None
    for claim in ("sub", "environment"):
        yield f"a wildcard as {claim}", token("environment:production", **{claim: "*"}), None
    yield "another environment than its subject's", token("environment:staging", environment="production"), None


TOKENS = list(tokens())


def understood(policy: dict[str, Any]) -> bool:
    """Whether a trust policy says what is looked at here, and no more."""
    [statement] = policy["Statement"]
    assert set(statement) - {"Sid"} == {"Effect", "Action", "Principal", "Condition"}
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"}
    assert set(statement["Condition"]) == {"StringEquals"}, "only exact values are looked at here"
    return True


@pytest.fixture
def trusts(applied: Any) -> dict[str, dict[str, Any]]:
    """The trust policies that AWS was given, by role of GitHub's."""
    return {name: trust for name, trust in applied.trusts.items() if "sts:AssumeRoleWithWebIdentity" in str(trust)}


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len({name for name, _, _ in TOKENS}) == len(TOKENS) >= 40


@pytest.mark.parametrize(("claims", "role"), [each[1:] for each in TOKENS], ids=[each[0] for each in TOKENS])
def test_a_token_takes_the_role_that_it_is_meant_for_and_no_other(
    trusts: dict[str, dict[str, Any]], claims: Token, role: str | None
) -> None:
    assert {name for name in ROLES if understood(trusts[name]) and may_take(trusts[name], claims)} == (
        {role} if role else set()
    )


def test_github_has_these_roles_and_no_other(trusts: dict[str, dict[str, Any]]) -> None:
    assert set(trusts) == set(ROLES)
