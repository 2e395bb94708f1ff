"""Lets a request pass only where IAM would: by the policies of the role that makes it, and by its boundary."""

import json
from typing import Any

from moto.iam.models import iam_backends

from slipway.rehearsal.aws.call import ACCOUNT, AwsError, Call
from slipway.rehearsal.aws.faults import denial
from slipway.rehearsal.aws.identity.permissions import needs
from slipway.rehearsal.aws.identity.policies import Policy, allowed

ALL: Policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def check(call: Call, name: str) -> None:
    """Raise the AwsError of a denial where the role of that name lacks a permission that the call asks for."""
    policies, boundary = policies_of(name)
    for need in needs(call):
        if not allowed(policies, boundary, need.action, need.resource, need.context):
            raise denial(call, need.action, need.resource, name)


def may(name: str, action: str, resource: str) -> bool:
    """Whether a role of that name is there, and may do that."""
    try:
        policies, boundary = policies_of(name)
    except AwsError:
        return False
    return allowed(policies, boundary, action, resource, {})


def policies_of(name: str) -> tuple[list[Policy], Policy]:
    """A role's own and attached policies, and its boundary (one that allows all where it has none).

    Raises AwsError where there is no such role.
    """
    backend = iam_backends[ACCOUNT]["aws"]
    role = next((role for role in list(backend.roles.values()) if role.name == name), None)
    if role is None:
        raise AwsError("AccessDenied", f"Not authorized to perform sts:AssumeRole: there is no role {name}", 403)
    # lists, for others change what is read here
    own = [json.loads(each) for each in list(role.policies.values())]
    attached = [document_of(policy) for policy in list(role.managed_policies.values())]
    boundary = backend.managed_policies.get(role.permissions_boundary_arn)
    return own + attached, document_of(boundary) if boundary else ALL


def trust_of(arn: str) -> Policy | None:
    """The trust policy of a role; None where there is no such role."""
    roles = list(iam_backends[ACCOUNT]["aws"].roles.values())
    return next((json.loads(role.assume_role_policy_document) for role in roles if role.arn == arn), None)


def document_of(policy: Any) -> Policy:
    """The default version of a managed policy."""
    [found] = [version for version in policy.versions if version.is_default]
    return json.loads(found.document)  # type: ignore[no-any-return]
