"""What AWS refuses, in its own words: each fault is set by a test, and lasts until it is taken back."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from moto.s3.models import s3_backends

from slipway.rehearsal.aws.call import ACCOUNT, QUERY, AwsError, Call
from slipway.rehearsal.aws.identity.permissions import needs

ANOTHER = "210987654321"  # an account of somebody else
QUOTA = (
    "The account-level service limit '{} for training job usage' is 0 Instances, with current utilization of 0 "
    "Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase for this "
    "quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota."
)


class Faults:
    """The faults of one emulated account."""

    def __init__(self, access_key: str) -> None:
        self.known = {access_key}
        self.mend()

    def mend(self) -> None:
        """Take all of them back."""
        self.denied: set[str] = set()
        self.throttled: Counter[tuple[str, str]] = Counter()
        self.lost: Counter[tuple[str, str]] = Counter()
        self.expired: set[str] = set()
        self.skew = timedelta()
        self.refused: dict[str, AwsError] = {}
        self.no_capacity: set[str] = set()

    def refuse(self, instance_type: str, code: str = "ResourceLimitExceeded", message: str = "") -> None:
        """CreateTrainingJob for that type answers an error: that of a quota of 0 where no message is given."""
        self.refused[instance_type] = AwsError(code, message or QUOTA.format(instance_type))

    def fail_capacity(self, instance_type: str) -> None:
        """A job on that type is accepted, and gets no machine: it fails with CapacityError.

        A spot job waits for one as long as it may, which is here no time: it is Stopped with MaxWaitTimeExceeded.
        """
        self.no_capacity.add(instance_type)

    def deny(self, permission: str) -> None:
        """The caller lacks a permission, as `ecr:DescribeImages`."""
        self.denied.add(permission)

    def throttle(self, service: str, action: str, times: int) -> None:
        """The next calls of an action are too many."""
        self.throttled[service, action] = times

    def lose_answer(self, service: str, action: str, times: int = 1) -> None:
        """The next calls of an action take effect, and the client hears of it that the service is unavailable."""
        self.lost[service, action] = times

    def expire_credentials(self) -> None:
        """The credentials known so far are refused; others are not."""
        self.expired |= self.known

    def renew_credentials(self) -> None:
        """They are good again."""
        self.expired.clear()

    def skew_clock(self, minutes: float = 20) -> None:
        """AWS's clock is ahead of this machine's."""
        self.skew = timedelta(minutes=minutes)

    def take_name(self, bucket: str) -> None:
        """A bucket of that name is another account's."""
        s3_backends[ANOTHER]["aws"].create_bucket(bucket, "us-east-1")

    def free_name(self, bucket: str) -> None:
        """It was deleted."""
        s3_backends[ANOTHER]["aws"].delete_bucket(bucket)

    def check(self, call: Call) -> None:
        """Raise the AwsError that the call meets, if any: in the order in which AWS looks."""
        self.known.add(call.access_key)
        if call.access_key in self.expired:
            raise self._expired(call)
        if self.skew:
            raise self._skewed(call)
        if self.throttled[call.service, call.action]:
            self.throttled[call.service, call.action] -= 1
            raise throttling(call)
        for need in needs(call) if self.denied else ():
            if need.action in self.denied:
                raise denial(call, need.action, need.resource)

    def lose(self, call: Call) -> None:
        """Raise the AwsError that a client meets in place of an answer, if it is to be lost."""
        if self.lost[call.service, call.action]:
            self.lost[call.service, call.action] -= 1
            raise AwsError("ServiceUnavailable", "Service is unable to handle request.", 503)

    def _expired(self, call: Call) -> AwsError:
        if call.service == "s3":
            return AwsError("ExpiredToken", "The provided token has expired.")
        message = "The security token included in the request is expired"
        return (
            AwsError("ExpiredToken", message, 403)
            if call.service in QUERY
            else AwsError("ExpiredTokenException", message)
        )

    def _skewed(self, call: Call) -> AwsError:
        if call.service == "s3":
            message = "The difference between the request time and the current time is too large."
            return AwsError("RequestTimeTooSkewed", message, 403)
        now = datetime.now(UTC) + self.skew
        early, edge = f"{now - timedelta(minutes=5):%Y%m%dT%H%M%SZ}", f"{now:%Y%m%dT%H%M%SZ}"
        message = f"Signature expired: {call.signed_at} is now earlier than {early} ({edge} - 5 min.)"
        return AwsError("SignatureDoesNotMatch" if call.service in QUERY else "InvalidSignatureException", message, 403)


def throttling(call: Call) -> AwsError:
    """Too many requests."""
    if call.service == "s3":
        return AwsError("SlowDown", "Please reduce your request rate.", 503)
    return AwsError("Throttling" if call.service in QUERY else "ThrottlingException", "Rate exceeded")


def denial(call: Call, permission: str, resource: str, role: str = "train") -> AwsError:
    """A permission that the caller, in a role, lacks."""
    shown = f'"{resource}"' if call.service == "s3" else resource
    message = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/rehearsal "
        f"is not authorized to perform: {permission} on resource: {shown} "
        f"because no identity-based policy allows the {permission} action"
    )
    if call.service == "s3" or call.service in QUERY:
        return AwsError("AccessDenied", message, 403)
    return AwsError("AccessDeniedException", message)
