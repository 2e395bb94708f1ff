"""Who may take a role of GitHub's: what STS decides of a token and a trust policy.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
"""

from collections.abc import Mapping
from typing import Any

from slipway.rehearsal.aws.call import ACCOUNT
from slipway.rehearsal.aws.identity.policies import Context, holds, many

ISSUER = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
ACTION = "sts:AssumeRoleWithWebIdentity"


def may_take(policy: Mapping[str, Any], claims: Mapping[str, str]) -> bool:
    """Whether a trust policy lets a token of GitHub's with these claims in.

    Raises NotImplementedError for an operator that is not understood here.
    """
    told: Context = {f"{ISSUER}:{name}": value for name, value in claims.items()}
    effects = {
        each["Effect"]
        for each in many(policy["Statement"])
        if ACTION in many(each["Action"])
        and isinstance(each["Principal"], Mapping)
        and PROVIDER in many(each["Principal"].get("Federated", []))
        and all(holds(operator, keys, told) for operator, keys in each.get("Condition", {}).items())
    }
    return effects == {"Allow"}


def may_assume(policy: Mapping[str, Any]) -> bool:
    """Whether a trust policy lets people of the account in, without a token and without conditions."""
    return any(
        each["Effect"] == "Allow"
        and "sts:AssumeRole" in many(each["Action"])
        and isinstance(each["Principal"], Mapping)
        and {ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"} & set(many(each["Principal"].get("AWS", [])))
        and not each.get("Condition")
        for each in many(policy["Statement"])
    )
