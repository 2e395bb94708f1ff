"""The service over HTTP."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

import problem
from openapi import document as describe
from problem import Problem
from question import too_large
from service import Service

PAGE = Path(__file__).with_name("page.html")
# the page is one file, and asks this server alone
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'"
)
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(service: Service, page: bool = False, threads: bool = False) -> Starlette:
    """The service's routes; `page` adds the try-it page at /, `threads` answers beside the event loop."""

    async def predict(request: Request) -> Response:
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Problem(415, f"the body must be application/json, not {kind[:100]}")
        coding = request.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise Problem(415, f"the body must not be compressed: its encoding is {coding[:100]}")
        body = await read(request, service.limits)
        name = request_id(request)
        if threads:
            status, document = await run_in_threadpool(service.answer, body, name)
        else:
            status, document = service.answer(body, name)
        return respond(request, status, document)

    async def health(request: Request) -> Response:
        if service.fault:
            raise Problem(503, f"the model does not answer here as it did where it was made: {service.fault}")
        return respond(request, 200, {"status": "ready", "model": service.model})

    async def metadata(request: Request) -> Response:
        return respond(request, 200, service.manifest)

    async def openapi(request: Request) -> Response:
        return respond(request, 200, describe(service.manifest))

    async def try_it(request: Request) -> Response:
        headers = {"content-security-policy": POLICY, **always(request_id(request))}
        return Response(PAGE.read_bytes(), media_type="text/html; charset=utf-8", headers=headers)

    async def refuse(request: Request, error: Exception) -> Response:
        found = as_problem(error)
        status, document = service.refuse(found, request_id(request))
        return respond(request, status, document, found.allow)

    routes = [
        Route("/predict", predict, methods=["POST"]),
        Route("/health", health),
        Route("/metadata", metadata),
        Route("/openapi.json", openapi),
        *([Route("/", try_it)] if page else []),
    ]
    app = Starlette(routes=routes, exception_handlers={Problem: refuse, HTTPException: refuse, Exception: refuse})
    app.router.redirect_slashes = False
    return app


def respond(request: Request, status: int, document: dict[str, Any], allow: str = "") -> Response:
    """A JSON document; an error is a problem."""
    headers = always(request_id(request))
    if allow:
        headers["allow"] = allow
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, "application/json" if status == 200 else problem.MEDIA_TYPE)


def always(request_id: str) -> dict[str, str]:
    """The headers of every answer."""
    return {"cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": request_id}


async def read(request: Request, limits: dict[str, int]) -> bytes:
    """The body; of one that is too large no more than the limit is kept. Raises Problem 413."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > limits["body_bytes"]:
                raise too_large(limits)
    except ClientDisconnect:
        raise Problem(400, "the body broke off") from None
    return bytes(body)


def as_problem(error: Exception) -> Problem:
    """What Starlette raises for no such path, and for another method, in our words."""
    if isinstance(error, Problem):
        return error
    if not isinstance(error, HTTPException):
        return Problem(500, "the answer failed; the log says why")  # Starlette raises it again, for the log
    detail = {404: "there is no such path; /openapi.json lists them", 405: "the path answers other methods"}
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    return Problem(error.status_code, detail.get(error.status_code, error.detail), allow=headers.get("allow", ""))


def request_id(request: Request) -> str:
    """Lambda's own id of the request, so that its logs are found by it; elsewhere a new one."""
    if not hasattr(request.state, "id"):
        request.state.id = getattr(request.scope.get("aws.context"), "aws_request_id", None) or new_id()
    return str(request.state.id)


def new_id() -> str:
    """A name for a request that has none."""
    return os.urandom(16).hex()
