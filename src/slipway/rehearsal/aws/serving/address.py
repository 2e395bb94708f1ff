"""Addresses of functions: HTTP for whom IAM lets, known by a signature.

Each lies below the emulated account's own address, as /lambda-url/ID/, and not at a host of its own.
https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import base64
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.awslambda.models import FunctionUrlConfig, lambda_backends

from slipway.rehearsal.aws.call import ACCOUNT, Call
from slipway.rehearsal.aws.identity.roles import may
from slipway.rehearsal.aws.serving.functions import Functions

FOLDER = "/lambda-url/"
ALIAS = "live"  # moto forgets which qualifier an address is of: this project has none but this
SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/lambda/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
WHEN = "%Y%m%dT%H%M%SZ"
JSON = {"Content-Type": "application/json"}
LASTS = timedelta(minutes=5)

moto_url = FunctionUrlConfig.to_dict


@dataclass
class Addresses:
    """The addresses of an account's functions: `url` is the account's, `secrets` are those of access keys.

    `roles` are the roles by access key; the key of a person has all rights.
    """

    functions: Functions
    roles: Mapping[str, str]
    secrets: dict[str, str] = field(default_factory=dict)

    def open(self, url: str) -> None:
        """Let Lambda tell addresses below `url`."""

        def told(config: Any) -> dict[str, Any]:
            found: dict[str, Any] = moto_url(config)
            return found | {"FunctionUrl": f"{url}{FOLDER}{number(config)}/"}

        FunctionUrlConfig.to_dict = told

    def answer(self, environ: WSGIEnvironment, payload: bytes, start_response: StartResponse) -> Iterable[bytes]:
        """What who asks is answered: by the function, or 403."""
        name, _, path = environ["PATH_INFO"].removeprefix(FOLDER).partition("/")
        found = find(name)
        if found is None:
            return _send(start_response, 404, {"Message": "Not Found"})
        region, function = found
        arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{function}:{ALIAS}"
        key = self._who(environ, payload, region)
        actions = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
        if key is None or not (key not in self.roles or all(may(self.roles[key], each, arn) for each in actions)):
            return _send(start_response, 403, {"Message": "Forbidden"}, "AccessDeniedException")
        call = Call("lambda", "Invoke", {"FunctionName": function, "Qualifier": ALIAS}, region)
        told = self.functions.invoke(call, json.dumps(event(environ, f"/{path}", payload)).encode())
        if told.error:
            return _send(start_response, 502, {"Message": "Internal Server Error"})
        answer = json.loads(told.payload)
        if not isinstance(answer, dict) or "statusCode" not in answer:
            # what is no response is the body of one
            answer = {"statusCode": 200, "headers": JSON, "body": json.dumps(answer)}
        return _send_whole(start_response, answer)

    def _who(self, environ: WSGIEnvironment, payload: bytes, region: str) -> str | None:
        """The access key that signed a request; None where none that is known did so, now."""
        headers = headers_of(environ)
        claimed = SIGNED.fullmatch(headers.get("authorization", ""))
        if claimed is None or claimed["region"] != region or claimed["key"] not in self.secrets:
            return None
        try:
            signed_at = datetime.strptime(headers.get("x-amz-date", ""), WHEN).replace(tzinfo=UTC)
        except ValueError:
            return None
        names = claimed["headers"].split(";")
        if (
            abs(datetime.now(UTC) - signed_at) > LASTS
            or claimed["day"] != f"{signed_at:%Y%m%d}"
            or not {"host", "x-amz-date"} <= set(names)
            or headers.get("x-amz-content-sha256", digest(payload)) != digest(payload)
        ):
            return None
        path = urlsplit(str(environ.get("REQUEST_URI") or environ["PATH_INFO"])).path
        url = f"http://{headers['host']}{path}?{environ.get('QUERY_STRING', '')}"
        given = {name: headers.get(name, "") for name in names}
        request = AWSRequest(environ["REQUEST_METHOD"], url, given, payload)
        request.context["timestamp"] = headers["x-amz-date"]
        auth = SigV4Auth(Credentials(claimed["key"], self.secrets[claimed["key"]]), "lambda", region)
        wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        return claimed["key"] if hmac.compare_digest(wanted, claimed["signature"]) else None


def find(name: str) -> tuple[str, str] | None:
    """Region and name of the function whose address has that number."""
    for region, backend in list(lambda_backends[ACCOUNT].items()):
        for function, versions in list(backend._lambdas._functions.items()):
            config = versions["latest"].url_config
            if config is not None and number(config) == name:
                return region, function
    return None


def number(config: Any) -> str:
    """What moto has chosen at random for an address."""
    return str(config.url).removeprefix("https://").partition(".")[0]


def headers_of(environ: WSGIEnvironment) -> dict[str, str]:
    """The request's headers by their names in small letters."""
    found = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    kind = {"content-type": environ["CONTENT_TYPE"]} if environ.get("CONTENT_TYPE") else {}
    return found | kind


def event(environ: WSGIEnvironment, path: str, payload: bytes) -> dict[str, Any]:
    """The event that the function is given, in the form 2.0."""
    told = {
        "version": "2.0", "rawPath": path, "rawQueryString": environ.get("QUERY_STRING", ""),
        "headers": headers_of(environ), "isBase64Encoded": bool(payload),
        "requestContext": {
            "http": {"method": environ["REQUEST_METHOD"], "path": path, "sourceIp": environ.get("REMOTE_ADDR", "")},
        },
    }  # fmt: skip
    return told | ({"body": base64.b64encode(payload).decode()} if payload else {})


def digest(payload: bytes) -> str:
    """SHA-256 of a body."""
    return sha256(payload).hexdigest()


def _send(
    start_response: StartResponse, status: int, body: dict[str, str], error: str | None = None
) -> Iterable[bytes]:
    headers = JSON | ({"x-amzn-ErrorType": error} if error else {})
    return _send_whole(start_response, {"statusCode": status, "headers": headers, "body": json.dumps(body)})


def _send_whole(start_response: StartResponse, told: dict[str, Any]) -> Iterable[bytes]:
    text = str(told.get("body", ""))
    body = base64.b64decode(text) if told.get("isBase64Encoded") else text.encode()
    headers = {**told.get("headers", {}), "Content-Length": str(len(body))}
    status = int(told["statusCode"])
    start_response(f"{status} {HTTPStatus(status).phrase}", [(name, str(value)) for name, value in headers.items()])
    return [body]
