"""That AWS trusts GitHub's jobs as terraform/bootstrap says, and nobody else."""

from typing import Any

from botocore.exceptions import ClientError

from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.words import DENIED, code, in_words
from slipway.delivery.acceptance.record import Broken
from slipway.delivery.acceptance.site import Site
from slipway.delivery.project import project
from slipway.delivery.repository.gh import Body
from slipway.delivery.repository.needs import Needs

ISSUER = "token.actions.githubusercontent.com"
VARIABLE = "AWS_ROLE_"


def check_trust(site: Site, account: Account) -> list[str]:
    """The evidence. Raises Broken where a role lets in others, or where who asks here can take one."""
    roles = {name: arn for name, arn in site.needs.variables.items() if name.startswith(VARIABLE)}
    repository = site.get()
    for name, arn in roles.items():
        check_policy(account, arn, trust(site.needs, repository, name, arn))
        check_denied(account, arn)
    return [
        f"{len(roles)} roles trust what bootstrap says",
        f"AccessDenied to a person who would take one of {len(roles)}",
    ]


def check_policy(account: Account, arn: str, wanted: dict[str, Any]) -> None:
    """Raise Broken where a role's trust, or its boundary, is another than bootstrap makes."""
    with in_words(arn):
        role = account.client("iam").get_role(RoleName=arn.rpartition("/")[2])["Role"]
    found = role["AssumeRolePolicyDocument"]["Statement"]
    if [plain(each) for each in found] != [wanted]:
        raise Broken(f"{role['RoleName']} trusts {found}, and not {wanted}: `make bootstrap` mends it.")
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    if not boundary.endswith(f":policy/{project().name}/{project().name}-github-boundary"):
        raise Broken(f"{role['RoleName']} has not the boundary of GitHub's roles: `make bootstrap` mends it.")


def trust(needs: Needs, repository: Body, variable: str, arn: str) -> dict[str, Any]:
    """The one statement of a role's trust policy: who of GitHub's jobs may take it, and by which claims."""
    environment = variable.removeprefix(VARIABLE).removeprefix("DEPLOY_").lower()
    if environment not in needs.environments:
        environment = ""
    owner = repository["owner"]
    job = f"environment:{environment}" if environment else "pull_request"
    claims = {
        "aud": ["sts.amazonaws.com"],
        "sub": [
            f"repo:{owner['login']}/{repository['name']}:{job}",
            f"repo:{owner['login']}@{owner['id']}/{repository['name']}@{repository['id']}:{job}",
        ],
        "repository_id": [str(repository["id"])],
    }
    if environment:
        claims["environment"] = [environment]
    if branch := needs.environments.get(environment):
        claims["ref"] = [f"refs/heads/{branch}"]
    partition, number = arn.split(":")[1], arn.split(":")[4]
    return {
        "Effect": "Allow",
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Principal": {"Federated": [f"arn:{partition}:iam::{number}:oidc-provider/{ISSUER}"]},
        "Condition": {"StringEquals": {f"{ISSUER}:{name}": sorted(values) for name, values in sorted(claims.items())}},
    }


def plain(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement in one form: each value a sorted list, and no identity of its own."""
    told = {name: value for name, value in statement.items() if name != "Sid"}
    told["Action"] = many(told.get("Action", []))
    if isinstance(told.get("Principal"), dict):
        told["Principal"] = {name: many(value) for name, value in told["Principal"].items()}
    told["Condition"] = {
        operator: {name: many(value) for name, value in sorted(keys.items())}
        for operator, keys in told.get("Condition", {}).items()
    }
    return told


def many(value: Any) -> list[Any]:
    """A sorted list, also of one."""
    return sorted(value) if isinstance(value, list) else [value]


def check_denied(account: Account, arn: str) -> None:
    """Raise Broken where whoever runs this takes a role without a token of GitHub's."""
    with in_words(arn):
        try:
            account.client("sts").assume_role(RoleArn=arn, RoleSessionName="acceptance", DurationSeconds=900)
        except ClientError as error:
            if code(error) in DENIED:
                return
            raise
    raise Broken(f"{arn} was taken by a person, without a token of GitHub's.")
