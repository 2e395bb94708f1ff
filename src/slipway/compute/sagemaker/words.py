"""What AWS answers, in words that say what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import ConnectionError as NoConnection

from slipway.errors import UserError

EXPIRED = (
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
)
SKEWED = ("RequestTimeTooSkewed", "RequestInTheFuture", "InvalidSignatureException", "SignatureDoesNotMatch")
THROTTLED = ("ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown", "RequestLimitExceeded")
DENIED = ("AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation")
WRONG_REGION = ("301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
MISSING_BUCKET = ("NoSuchBucket",)
# what an answer to HEAD does not say: it has no body
PERMISSIONS = {
    "HeadObject": "s3:GetObject and s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
}
AUTHORIZED = re.compile(
    r"(?P<who>\S+) is not authorized to perform: (?P<action>[\w:]+)(?: on resource: (?P<what>\S+))?"
)
ABSENT = (NoCredentialsError, PartialCredentialsError, ProfileNotFound)
NOT_RENEWED = (CredentialRetrievalError, TokenRetrievalError, UnauthorizedSSOTokenError, SSOError)
CREDENTIALS = "Sign in (`aws sso login`, `aws configure`), or set AWS_PROFILE; compute=local needs no account."


class Expired(UserError):  # noqa: N818  # it is one
    """The credentials are no longer valid."""


class Unreachable(UserError):  # noqa: N818  # it is one
    """AWS did not answer."""


@contextmanager
def in_words(where: str) -> Iterator[None]:
    """Turn what boto3 raises in the block into a UserError; `where` names the bucket or service that was asked."""
    try:
        yield
    except ABSENT as error:
        raise UserError(f"no AWS credentials: {error}. {CREDENTIALS}") from error
    except NOT_RENEWED as error:
        raise Expired(f"the AWS credentials could not be renewed: {error}. {CREDENTIALS}") from error
    except NoRegionError as error:
        raise UserError("no AWS region: set compute.region, or AWS_DEFAULT_REGION.") from error
    except (NoConnection, HTTPClientError, Boto3Error) as error:  # boto3's own is a transfer that broke
        raise Unreachable(f"AWS cannot be reached: {error}. Look at the network and compute.region.") from error
    except ClientError as error:
        raise explained(error, where) from error
    except BotoCoreError as error:
        raise UserError(f"{where}: {error}") from error


def code(error: ClientError) -> str:
    """The service's name for an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message(error: ClientError) -> str:
    """The service's words for an error."""
    return str(error.response.get("Error", {}).get("Message", ""))


def explained(error: ClientError, where: str) -> UserError:
    """The UserError for an answer of AWS."""
    name, said, operation = code(error), message(error), error.operation_name
    # S3's answer to HEAD has no body, and so no name for what is wrong
    if name in EXPIRED or (name == "400" and operation.startswith("Head")):
        return Expired(f"the AWS credentials have expired, or are not valid: {said or name}. {CREDENTIALS}")
    if name in SKEWED:
        return UserError(
            f"AWS refuses the request's time or signature: {said or name}. The clock of this machine may be wrong "
            "(`timedatectl set-ntp true`), or its secret key."
        )
    if name in WRONG_REGION:
        region = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
        found = f"it is in {region}" if region else "it is in another region"
        return UserError(
            f"{where} is not in the region that was asked: {found}. Set compute.region or AWS_DEFAULT_REGION."
        )
    if name in MISSING_BUCKET or (operation == "HeadBucket" and name == "404"):
        return UserError(
            f"{where} does not exist: set compute.bucket (SLIPWAY_BUCKET) to what terraform/platform made.",
        )
    if name in DENIED:
        denied = AUTHORIZED.search(said)
        who, action = (denied["who"], denied["action"]) if denied else ("", PERMISSIONS.get(operation, operation))
        what = (denied and denied["what"]) or where
        return UserError(
            f"{who or 'these credentials'} may not {action} on {what}: add it to the role's policy "
            f"(terraform/bootstrap), or use another role. AWS said: {said or name}"
        )
    if name in THROTTLED:
        return UserError(f"AWS still throttles {operation} after several tries: run the command again in a minute.")
    return UserError(f"{where}: {operation}: {name}: {said}")
