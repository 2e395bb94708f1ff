"""What AWS Lambda runs: `app.handler` answers events of HTTP, and direct invocations with `{"texts": [...]}`.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html, urls-invocation.html, services-alb.html
"""

# ruff: noqa: E402  # the order of the imports is what a cold start takes

import gc
import json
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
from web import create_app, new_id

if own_ssl is None:
    del sys.modules["ssl"]
gc.freeze()
gc.enable()

service = Service(settings, verification)
http = Mangum(
    create_app(service, settings.page), lifespan="off", text_mime_types=["application/json", MEDIA_TYPE, "text/"]
)


def handler(event: Any, context: Any) -> dict[str, Any]:
    """The answer to an event, in the shape that its sender reads; never raises."""
    request_id = str(getattr(context, "aws_request_id", None) or new_id())
    if not isinstance(event, dict) or "requestContext" not in event:
        if isinstance(event, dict) and "texts" in event:
            return service.answer_value(event, request_id)[1]
        known = 'an HTTP request (function URL, API Gateway, load balancer) or {"texts": [...]}'
        return service.refuse(Problem(400, f"the event is of an unknown source: it is not {known}"), request_id)[1]
    try:
        return http(event, context)
    except Exception as error:
        # the adapter takes an event to be what AWS sends: one that is not, or a body that is no base64
        print_exception()
        why = f"the event is no HTTP request: {type(error).__name__}"
        status, document = service.refuse(Problem(400, why), request_id)
        return {"statusCode": status, "headers": {"content-type": MEDIA_TYPE}, "body": json.dumps(document)}
