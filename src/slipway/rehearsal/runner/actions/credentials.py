"""aws-actions/configure-aws-credentials: the job's OIDC token for a role's credentials.

https://github.com/aws-actions/configure-aws-credentials
"""

from slipway.rehearsal.aws.call import AwsError
from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.machine import CREDENTIALS, StepError


def configure(use: Use) -> None:
    """Export the credentials of `role-to-assume`, masked, where its trust policy lets the job's token in."""
    region, role = use.required("aws-region"), use.required("role-to-assume")
    claims = use.machine.claims(use.text("audience", "sts.amazonaws.com"))
    try:
        given = use.machine.runner.aws.assume(role, claims)
    except AwsError as error:
        raise StepError(f"Could not assume role with OIDC: {error}") from None
    use.mask(*(given.get(name, "") for name in CREDENTIALS))
    account = role.split(":")[4] if role.count(":") >= 5 else ""
    allowed = use.text("allowed-account-ids").replace(",", " ").split()
    if allowed and account not in allowed:
        raise StepError(f"The account ID of the provided credentials is not in allowed-account-ids: {account}")
    if use.flag("mask-aws-account-id"):
        use.mask(account)
    use.export({name: given[name] for name in CREDENTIALS if name in given})
    use.export({"AWS_REGION": region, "AWS_DEFAULT_REGION": region})
    use.outputs |= {"aws-account-id": account}
    use.say(f"Authenticated as {role}")
