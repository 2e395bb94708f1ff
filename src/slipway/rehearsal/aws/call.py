"""Which action of which service a request asks for, and the form in which that service answers."""

import json
import os
import re
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment
from xml.sax.saxutils import escape

import botocore.session
from botocore.loaders import create_loader
from botocore.model import ServiceModel

ACCOUNT = "123456789012"
QUERY = ("sts", "iam", "ec2", "sns", "monitoring")  # services that are asked by a form and answer in XML
REST = {"lambda": "lambda", "apigateway": "apigatewayv2"}  # services whose actions are paths, and their models


@dataclass(frozen=True)
class Call:
    """One request: `service` as in its signature, `action` as in the API. S3's body is Bucket, Key and Prefix."""

    service: str
    action: str
    body: dict[str, Any] = field(default_factory=dict)
    region: str = "us-east-1"
    access_key: str = ""
    signed_at: str = ""
    method: str = "POST"
    path: str = ""
    json: bool = False  # in the form that is answered in JSON, of a service that knows another too


class AwsError(Exception):
    """What a service answers instead of a result."""

    def __init__(self, code: str, message: str, status: int = 400, **headers: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.headers = [(name.replace("_", "-"), value) for name, value in headers.items()]


@cache
def session() -> botocore.session.Session:
    """A session of this process's own, which no file or profile of a person changes; descriptions are read once."""
    found = botocore.session.Session()
    for name in ("config_file", "credentials_file"):
        found.set_config_variable(name, os.devnull)
    found.set_config_variable("profile", None)
    return found


def read_call(environ: WSGIEnvironment, payload: bytes) -> Call:
    """The call that a request is, by the scope of its signature, its target header, its form or its path."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    signature = environ.get("HTTP_AUTHORIZATION") or "Credential=" + query.get("X-Amz-Credential", [""])[0]
    scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/", signature)
    access_key, region, service = scope.groups() if scope else ("", "us-east-1", "s3")
    path = environ["PATH_INFO"].encode("latin1").decode("utf-8", "replace")
    action, body = f"{environ['REQUEST_METHOD']} {path}", {}
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        action, body = target.rpartition(".")[2], json.loads(payload or b"{}")
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        body = {key: values[0] for key, values in parse_qs(payload.decode()).items()}
        action = body.pop("Action", action)
        service = service if scope else "sts"
    elif service == "s3":
        bucket, _, key = path.lstrip("/").partition("/")
        body = {name: value for name, value in (("Bucket", bucket), ("Key", key)) if value}
        action = _s3_action(environ, len(body), set(query)) or action
        body |= {"Prefix": query["prefix"][0]} if "prefix" in query else {}
    elif service in REST:
        action, body = _rest_action(service, environ["REQUEST_METHOD"], path) or (action, {})
        body |= {name: values[0] for name, values in query.items()}
        asks_in_json = environ.get("CONTENT_TYPE", "").startswith("application/json") and action != "Invoke"
        body |= json.loads(payload) if asks_in_json else {}
    signed_at = environ.get("HTTP_X_AMZ_DATE", "")
    return Call(service, action, body, region, access_key, signed_at, environ["REQUEST_METHOD"], path, bool(target))


def _rest_action(service: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The action whose path has the most fixed parts of those that fit, and the names in it."""
    fitting = [
        (fixed, name, found.groupdict())
        for name, asked, fixed, pattern in _rest_actions(service)
        if method == asked and (found := pattern.fullmatch(path.rstrip("/")))
    ]
    return max(fitting, key=lambda each: each[0])[1:] if fitting else None


@cache
def _rest_actions(service: str) -> list[tuple[str, str, int, re.Pattern[str]]]:
    """Of each action: name, method, number of fixed letters of its path, and the path's pattern."""
    found = []
    model = session().get_service_model(REST[service])
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = http["requestUri"].partition("?")[0].rstrip("/")
        names = model.operation_model(name).input_shape
        told = {member.serialization.get("name", key): key for key, member in names.members.items()} if names else {}
        parts = re.split(r"\{([^}]+)\}", path)
        pattern = "".join(
            f"(?P<{told.get(part.rstrip('+'), part.rstrip('+'))}>{'.+' if part.endswith('+') else '[^/]+'})"
            if place % 2
            else re.escape(part)
            for place, part in enumerate(parts)
        )
        found.append((name, http["method"], sum(map(len, parts[::2])), re.compile(pattern)))
    return found


def _s3_action(environ: WSGIEnvironment, depth: int, query: set[str]) -> str | None:
    """The action of S3 with the most to ask for that the request has all of."""
    headers = {name[5:].replace("_", "-").lower() for name in environ if name.startswith("HTTP_")}
    fitting = [
        (len(asks_query) + len(asks_headers), name)
        for name, method, levels, asks_query, asks_headers in _s3_actions()
        if method == environ["REQUEST_METHOD"] and levels == depth and asks_query <= query and asks_headers <= headers
    ]
    return max(fitting)[1] if fitting else None


@cache
def _s3_actions() -> list[tuple[str, str, int, frozenset[str], frozenset[str]]]:
    """Of each action of S3: name, method, levels of its path, and the names of the query and headers that it needs."""
    found = []
    # a description of its own: clients take the bucket out of the paths of the one that they share
    model = ServiceModel(create_loader().load_service_model("s3", "service-2"))
    for name in (name for name in model.operation_names if "DirectoryBucket" not in name):
        operation = model.operation_model(name)
        path, _, fixed = operation.http["requestUri"].partition("?")
        shape = operation.input_shape
        members = [shape.members[member].serialization for member in shape.required_members] if shape else []
        query = {part.partition("=")[0] for part in fixed.split("&") if part and not part.startswith("x-id")}
        query |= {member["name"] for member in members if member.get("location") == "querystring"}
        headers = {member["name"].lower() for member in members if member.get("location") == "header"}
        levels = 0 if path == "/" else path.count("/")
        found.append((name, operation.http["method"], levels, frozenset(query), frozenset(headers)))
    return found


def answer_error(error: AwsError, call: Call, start_response: StartResponse) -> list[bytes]:
    """Answer with an error, as the call's service does."""
    if call.service == "s3":
        told = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
        return _answer(
            error.status, "application/xml", "" if call.method == "HEAD" else told, start_response, error.headers
        )
    if call.service in QUERY and not call.json:
        told = f"<Error><Type>Sender</Type><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
        return _answer(
            error.status, "text/xml", f"<ErrorResponse>{told}</ErrorResponse>", start_response, error.headers
        )
    told = json.dumps({"__type": error.code, "message": error.message})
    return _answer(error.status, "application/x-amz-json-1.1", told, start_response, error.headers)


def answer(result: dict[str, Any], start_response: StartResponse) -> list[bytes]:
    """Answer with the result of a JSON service."""
    return _answer(200, "application/x-amz-json-1.1", json.dumps(result), start_response)


def _answer(
    status: int, kind: str, text: str, start_response: StartResponse, headers: list[tuple[str, str]] | None = None
) -> list[bytes]:
    body = text.encode()
    length = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", [*length, *(headers or [])])
    return [body]
