"""The function of an environment: its versions, what `live` points at, and what it answers."""

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.words import code, in_words
from slipway.delivery.project import project
from slipway.errors import UserError

ALIAS = "live"
LATEST = "$LATEST"
# Inactive, Pending, or with an update under way
ASLEEP = ("ResourceConflictException", "ResourceNotReadyException")
WAKES_SECONDS = 180.0
BUNDLE = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Live:
    """Where the alias points, and the share of requests that other versions answer."""

    version: str
    shares: dict[str, float]


class Function:
    """A function by its name."""

    def __init__(self, name: str, account: Account) -> None:
        self.name, self.account = name, account

    def live(self) -> Live | None:
        """What the alias says; None where nothing was released yet: no function, or no version of it."""
        found = self._find(lambda: self._lambda.get_alias(FunctionName=self.name, Name=ALIAS))
        if found is None or found["FunctionVersion"] == LATEST:
            return None
        return Live(found["FunctionVersion"], (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})

    def image(self, version: str) -> str | None:
        """The digest of a version's image; None where there is no such version."""
        found = self._find(lambda: self._lambda.get_function(FunctionName=self.name, Qualifier=version))
        return None if found is None else digest_of(found)

    def bundle(self, version: str) -> str | None:
        """The digest of a version's bundle; None where its description does not say it."""
        with in_words(self.name):
            told = self._lambda.get_function_configuration(FunctionName=self.name, Qualifier=version)
        found = BUNDLE.search(told.get("Description", ""))
        return found and found[0]

    def versions(self) -> list[str]:
        """The published versions that there are, the newest last."""
        with in_words(self.name):
            pages = self._lambda.get_paginator("list_versions_by_function").paginate(FunctionName=self.name)
            found = [each["Version"] for page in pages for each in page["Versions"]]
        return sorted((each for each in found if each.isdecimal()), key=int)

    def address(self) -> str | None:
        """Of the alias, for whom IAM lets; None as long as there is none."""
        url = self._find(lambda: self._lambda.get_function_url_config(FunctionName=self.name, Qualifier=ALIAS))
        return None if url is None else str(url["FunctionUrl"])

    def ask(self, question: dict[str, Any], qualifier: str) -> tuple[Any, str]:
        """The answer of a version or of the alias, and the version that gave it."""
        with in_words(self.name):
            asked = {"FunctionName": self.name, "Qualifier": qualifier, "Payload": json.dumps(question).encode()}
            found = self._awake(self._lambda.invoke, **asked)
            return json.loads(found["Payload"].read() or "null"), str(found.get("ExecutedVersion", qualifier))

    def point(self, version: str) -> None:
        """Let a version answer all."""
        with in_words(self.name):
            self._lambda.update_alias(
                FunctionName=self.name,
                Name=ALIAS,
                FunctionVersion=version,
                RoutingConfig={"AdditionalVersionWeights": {}},
            )

    def publish(self, image: str, bundle: str) -> str:
        """Make a version of what the function is now, whose description names its bundle; returns it.

        One that is as the function is now is not made again. Raises UserError where it has another image by now.
        """
        with in_words(self.name):
            now = self._lambda.get_function(FunctionName=self.name)
            if digest_of(now) != image:
                raise UserError(f"{self.name} has another image by now: another release goes on. Run this again.")
            asked = {"FunctionName": self.name, "Description": f"Classifies texts {bundle}"}
            asked["CodeSha256"] = now["Configuration"]["CodeSha256"]
            return str(self._awake(self._lambda.publish_version, **asked)["Version"])

    def smoke(self) -> list[str]:
        """What is wrong with the recorded predictions in the newest image, as the smoke function says."""
        name = f"{self.name}-smoke"
        with in_words(name):
            found = self._awake(self._lambda.invoke, FunctionName=name, Payload=b"{}")
            told = json.loads(found["Payload"].read() or "null")
        if not isinstance(told, dict) or "faults" not in told:
            return [f"{name} fails: {str(told)[:300]}"]
        return list(told["faults"]) or ([] if told["ok"] else [f"{name} says no"])

    def _awake(self, ask: Callable[..., Any], **request: Any) -> Any:
        """What Lambda answers of a function, also of one that nobody asked for weeks, which wakes up first, and of one
        whose update is under way.

        https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        """
        end = time.monotonic() + WAKES_SECONDS
        while True:
            try:
                return ask(**request)
            except ClientError as error:
                if code(error) not in ASLEEP or time.monotonic() > end:
                    raise
            time.sleep(pause())

    def _find(self, ask: Callable[[], Any]) -> Any:
        with in_words(self.name):
            try:
                return ask()
            except ClientError as error:
                if code(error) == "ResourceNotFoundException":
                    return None
                raise

    @cached_property
    def _lambda(self) -> Any:
        return self.account.client("lambda")


def digest_of(function: dict[str, Any]) -> str:
    """Of the image that GetFunction tells of."""
    return str(function["Code"]["ImageUri"]).rpartition("@")[2]


def pause() -> float:
    """Seconds between two rounds of questions; who has shorter minutes than AWS asks for less."""
    return float(os.environ.get("SLIPWAY_PAUSE_SECONDS") or 5)


def function_of(environment: str) -> Function:
    """The function of an environment of this project."""
    return Function(f"{project().name}-{environment}", Account(project().region))
