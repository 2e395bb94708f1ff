"""What AWS Lambda runs: `app.handler` answers events of HTTP, and direct invocations with `{"texts": [...]}`.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html, urls-invocation.html, services-alb.html
"""

# ruff: noqa: E402  # the order of the imports is what a cold start takes

import gc
import json
import re
import sys
from typing import Any

from manifest import Verification
from settings import Settings

# first, so that files are hashed while the rest is imported
settings = Settings.of_environment()
verification = Verification(settings.bundle)
# what is imported stays: nothing is to be collected of it, now or later
gc.disable()
# no TLS is spoken here, and what is imported now does without ssl where it is missing
own_ssl = sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]

from mangum import Mangum

from problem import MEDIA_TYPE, Problem
from service import Service, print_exception
from web import always, create_app, new_id

if own_ssl is None:
    # who wants TLS later imports both whole; asyncio's own stays without
    del sys.modules["ssl"]
    sys.modules.pop("http.client", None)
gc.freeze()
gc.enable()

ADDRESSES = ("host", "x-forwarded-port")
GREEDY = re.compile(r"\{(\w+)\+\}")

service = Service(settings, verification)
http = Mangum(
    create_app(service, settings.page), lifespan="off", text_mime_types=["application/json", MEDIA_TYPE, "text/"]
)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """The answer to an event, in the shape that its sender reads; never raises."""
    try:
        return answer(event, context)
    finally:
        service.observer.cold = False


def answer(event: Any, context: Any) -> dict[str, Any]:
    """As `handler`."""
    request_id = str(getattr(context, "aws_request_id", None) or new_id())
    if not isinstance(event, dict) or "requestContext" not in event:
        if isinstance(event, dict) and "texts" in event:
            return service.answer_value(event, request_id)[1]
        known = 'an HTTP request (function URL, API Gateway, load balancer) or {"texts": [...]}'
        return service.refuse(Problem(400, f"the event is of an unknown source: it is not {known}"), request_id)[1]
    try:
        return http(addressed(event), context)
    except Exception as error:
        # the adapter takes an event to be what AWS sends: one that is not, or a body that is no base64
        print_exception()
        why = f"the event is no HTTP request: {type(error).__name__}"
        status, document = service.refuse(Problem(400, why), request_id)
        headers = {"content-type": MEDIA_TYPE, **always(request_id)}
        # a load balancer reads the one or the other
        several = {"multiValueHeaders": {name: [value] for name, value in headers.items()}}
        shape = several if "multiValueHeaders" in event else {"headers": headers}
        return {"statusCode": status, **shape, "body": json.dumps(document), "isBase64Encoded": False}


def addressed(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the path that it has here: without the stage of an API, or the base path of its domain.

    Also without the headers that say how the sender calls this server, of which the adapter does not take every form.
    """
    event = {**event, "requestContext": {**event["requestContext"]}}
    for kind in ("headers", "multiValueHeaders"):
        if event.get(kind):
            event[kind] = {name: each for name, each in event[kind].items() if name.lower() not in ADDRESSES}
    context = event["requestContext"]
    second = event.get("version") == "2.0"
    # as "POST /predict", "/predict", "/v1/{proxy+}", "$default"; a load balancer has none
    route = str(event.get("routeKey" if second else "resource", "")).rpartition(" ")[2]
    path = context["http"]["path"] if second else event["path"]
    rest, stage = GREEDY.search(route), f"/{context.get('stage')}"
    if rest and (event.get("pathParameters") or {}).get(rest[1]) is not None:
        path = f"/{event['pathParameters'][rest[1]]}"
    elif not second and route.startswith("/") and "{" not in route:
        path = route
    elif f"{path}/".startswith(f"{stage}/"):
        path = path.removeprefix(stage) or "/"
    if second:
        context["http"] = {**context["http"], "path": path}
    else:
        event["path"] = path
    return event
