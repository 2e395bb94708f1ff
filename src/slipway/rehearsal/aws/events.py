"""EventBridge: events go to the targets of the rules that they match, API destinations and topics, and are tried again.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

import heapq
import itertools
import json
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Condition, Thread
from typing import Any

import requests
from botocore.exceptions import ClientError
from moto.events.models import events_backends

from slipway.rehearsal.aws.call import ACCOUNT
from slipway.rehearsal.aws.identity.roles import may
from slipway.rehearsal.aws.serving.log import put

GITHUB = "https://api.github.com"
AGAIN = {401, 407, 409, 429}  # besides 5xx; of what else is answered nothing is tried again
SECONDS = 5.0  # that an API destination may take
ATTEMPTS, AGE = 185, 86400  # tries again, and seconds, where a target says nothing of them
VARIABLE = re.compile(r"<([\w.-]+)>")
Event = dict[str, Any]


@dataclass(order=True)
class Delivery:
    """What is to be told to a target, and when next."""

    due: float
    number: int
    rule: Any = field(compare=False)
    target: Event = field(compare=False)
    body: str = field(compare=False)
    began: float = field(compare=False)
    tries: int = field(compare=False, default=0)


class RefusedError(Exception):
    """A target does not take it: `again` says whether it may later, `code` is EventBridge's name of the reason."""

    def __init__(self, code: str, message: str, again: bool) -> None:
        super().__init__(message)
        self.code, self.again = code, again


class Events:
    """The events of one account; `client` gives a client of a service. `lose` and `twice` are for what comes next."""

    def __init__(self, client: Callable[..., Any], seed: int) -> None:
        self.client, self.random = client, random.Random(seed)  # noqa: S311
        self.github = ""  # what stands in for api.github.com
        self.minute = 60.0
        self.lose = self.twice = False
        self.changed = Condition()
        self.waiting: list[Delivery] = []
        self.delivered: list[tuple[str, str]] = []  # target and body
        self.dead: list[tuple[str, str]] = []  # target, and why it was given up
        self.busy = False  # a delivery is under way
        self._numbers = itertools.count()
        self._thread: Thread | None = None

    def open(self) -> None:
        """Deliver until `close`."""
        self._closed = False
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Deliver no more; what waits is kept."""
        with self.changed:
            self._closed = True
            self.changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def settle(self, seconds: float = 60) -> None:
        """Block until nothing waits any more. Raises TimeoutError."""
        with self.changed:
            if not self.changed.wait_for(lambda: not self.waiting and not self.busy, seconds):
                raise TimeoutError(f"{len(self.waiting)} deliveries wait still")

    def publish(self, region: str, source: str, kind: str, resources: list[str], detail: Mapping[str, Any]) -> None:
        """An event happens: it goes to each target of each rule that it matches."""
        event: Event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": kind,
            "source": source,
            "account": ACCOUNT,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": region,
            "resources": resources,
            "detail": dict(detail),
        }
        for rule in matching(region, event):
            if self.lose:
                continue
            put(region, "AWS/Events", "TriggeredRules", (("RuleName", rule.name),), [1], "Count")
            with self.changed:
                now = time.monotonic()
                for target in list(rule.targets) * (2 if self.twice else 1):
                    body = told(target, event)
                    heapq.heappush(self.waiting, Delivery(now, next(self._numbers), rule, target, body, now))
                self.changed.notify_all()

    def _run(self) -> None:
        while True:
            with self.changed:
                while not self._closed and (not self.waiting or self.waiting[0].due > time.monotonic()):
                    left = self.waiting[0].due - time.monotonic() if self.waiting else None
                    self.changed.wait(left)
                if self._closed:
                    return
                delivery = heapq.heappop(self.waiting)
                self.busy = True
            self._try(delivery)
            with self.changed:
                self.busy = False
                self.changed.notify_all()

    def _try(self, delivery: Delivery) -> None:
        arn, rule = delivery.target["Arn"], delivery.rule
        try:
            try:
                self._send(delivery)
            except ClientError as error:
                raise RefusedError("SDK_CLIENT_ERROR", str(error), again=False) from error
        except RefusedError as refused:
            policy = delivery.target.get("RetryPolicy", {})
            age = (time.monotonic() - delivery.began) * 60 / self.minute
            over = delivery.tries >= policy.get("MaximumRetryAttempts", ATTEMPTS)
            over |= age >= policy.get("MaximumEventAgeInSeconds", AGE)
            if refused.again and not over:
                # later each time, and not all at once
                minutes = min(2**delivery.tries / 60, 5) * (0.5 + self.random.random() / 2)
                delivery.due = time.monotonic() + minutes * self.minute
                delivery.tries += 1
                with self.changed:
                    heapq.heappush(self.waiting, delivery)
                return
            put(rule.region_name, "AWS/Events", "FailedInvocations", (("RuleName", rule.name),), [1], "Count")
            self._bury(delivery, refused)
            with self.changed:
                self.dead.append((arn, f"{refused.code}: {refused}"))
        else:
            with self.changed:
                self.delivered.append((arn, delivery.body))

    def _send(self, delivery: Delivery) -> None:
        """Tell a target. Raises RefusedError."""
        arn, region = delivery.target["Arn"], delivery.rule.region_name
        if ":api-destination/" in arn:
            role = delivery.target.get("RoleArn", "").rpartition("/")[2]
            if not may(role, "events:InvokeApiDestination", arn):
                raise RefusedError("NO_PERMISSIONS", f"{role} may not invoke {arn}", again=False)
            self._post(region, arn, delivery.body)
        elif ":sns:" in arn:
            self.client("sns", region).publish(TopicArn=arn, Message=delivery.body)
        else:
            raise RefusedError("UNKNOWN_TARGET", f"{arn} is no target that is known here", again=False)

    def _post(self, region: str, arn: str, body: str) -> None:
        backend = events_backends[ACCOUNT][region]
        destination = next((each for each in backend.destinations.values() if each.arn == arn), None)
        if destination is None:
            raise RefusedError("RESOURCE_NOT_FOUND", f"there is no {arn}", again=False)
        connection = next(each for each in backend.connections.values() if each.arn == destination.connection_arn)
        endpoint = destination.invocation_endpoint
        if not endpoint.startswith(f"{GITHUB}/"):
            raise RefusedError("UNKNOWN_TARGET", f"{endpoint} cannot be reached from here", again=False)
        key = connection.auth_parameters["ApiKeyAuthParameters"]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Amazon/EventBridge/ApiDestinations",
        }
        try:
            response = requests.request(
                destination.http_method,
                self.github + endpoint.removeprefix(GITHUB),
                data=body.encode(),
                headers=headers | {key["ApiKeyName"]: key["ApiKeyValue"]},
                timeout=SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise RefusedError("CONNECTION_FAILURE", type(error).__name__, again=True) from error
        if status := 0 if response.ok else response.status_code:
            again = status in AGAIN or status >= 500
            raise RefusedError("SDK_CLIENT_ERROR", f"HTTP status {status}: {response.text[:200]}", again)

    def _bury(self, delivery: Delivery, refused: RefusedError) -> None:
        """Into the target's queue of what was not delivered, where it has one."""
        queue = delivery.target.get("DeadLetterConfig", {}).get("Arn")
        if queue is None:
            return
        sqs = self.client("sqs", queue.split(":")[3])
        said = {
            "RULE_ARN": delivery.rule.arn,
            "TARGET_ARN": delivery.target["Arn"],
            "ERROR_CODE": refused.code,
            "ERROR_MESSAGE": str(refused),
            "RETRY_ATTEMPTS": str(delivery.tries),
        }
        sqs.send_message(
            QueueUrl=sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"],
            MessageBody=delivery.body,
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in said.items()},
        )


def matching(region: str, event: Event) -> Iterator[Any]:
    """The rules of the default bus that an event matches."""
    for rule in list(events_backends[ACCOUNT][region].event_buses["default"].rules.values()):
        if rule.state == "ENABLED" and rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event):
            yield rule


def told(target: Event, event: Event) -> str:
    """What a target hears of an event: all of it, or what its input transformer makes of it."""
    if "InputTransformer" not in target:
        return str(target.get("Input") or json.dumps(event))
    paths = target["InputTransformer"].get("InputPathsMap", {})
    values = {name: find(event, path) for name, path in paths.items()}
    template: str = target["InputTransformer"]["InputTemplate"]

    def fill(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        value = values[found[1]]
        # inside of a string it is text, elsewhere a value
        if template[: found.start()].replace('\\"', "").count('"') % 2 == 0:
            return json.dumps(value)
        return json.dumps("" if value is None else value if isinstance(value, str) else json.dumps(value))[1:-1]

    return VARIABLE.sub(fill, template)


def find(event: Event, path: str) -> Any:
    """The value at a path as $.detail.name; None where there is none."""
    value: Any = event
    for name in path.removeprefix("$").strip(".").split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
