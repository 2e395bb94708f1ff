"""GitHub's own description of the operations that are emulated; each request and each answer is held against it."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from slipway.rehearsal.github.call import Answer, Json, RefusedError

FILE = Path(__file__).with_name("contract.json")
HOME = "urn:github"
# what any operation may answer besides what is said of it, in the form of an error
ERRORS = {401, 403, 404, 422, 429, 500, 502, 503, 504}
BASIC = {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}


class ViolationError(Exception):
    """An answer, or a request that GitHub would overlook, that its description does not know."""


class Contract:
    """The operations by method and path, as `GET /repos/{owner}/{repo}`."""

    def __init__(self, file: Path = FILE) -> None:
        told = json.loads(file.read_text(encoding="utf-8"))
        self.operations: dict[str, Json] = told["operations"]
        self.events: dict[str, Json] = told["events"]
        self._registry = jsonschema_rs.Registry([(HOME, {"$defs": told["$defs"]})])
        # the longest first: a commit's name may hold slashes, and so may seem to hold what follows it
        longest = sorted(self.operations.items(), key=lambda item: -len(item[0]))
        self._paths = [(re.compile(_pattern(name, each)), name) for name, each in longest]
        self._validator = cache(self._compile)

    def find(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """The operation of a request whose path is still quoted, and the path's parameters."""
        for pattern, name in self._paths:
            if found := pattern.fullmatch(f"{method} {path}"):
                return name, {key: unquote(value) for key, value in found.groupdict().items()}
        return None

    def check_request(self, name: str, words: Mapping[str, str], query: Mapping[str, str], body: Any) -> None:
        """RefusedError (404, 422) where GitHub refuses it, ViolationError where it would overlook what is asked."""
        parameters = {(each["in"], each["name"]): each["schema"] for each in self.operations[name]["parameters"]}
        for place, told in (("path", words), ("query", query)):
            for key, value in told.items():
                if (place, key) not in parameters:
                    raise ViolationError(f"{name} has no parameter {key}")
                if not _fits(value, parameters[place, key], self._registry):
                    raise RefusedError(404 if place == "path" else 422, "Not Found" if place == "path" else f"{key}?")
        schema = self.operations[name]["body"]
        if schema is None:
            if body:
                raise ViolationError(f"{name} takes no body")
            return
        for error in self._validator(f"{name} body").iter_errors(body):
            raise RefusedError(422, f"Invalid request.\n\n{_words(error)}")

    def check_answer(self, name: str, answer: Answer, media: str = "json") -> None:
        """ViolationError where GitHub's description has no such answer."""
        answers = self.operations[name]["answers"]
        status = str(answer.status)
        if status not in answers and answer.status not in ERRORS:
            raise ViolationError(f"{name} does not answer {status}")
        if answer.status >= 400:
            # of the entries of `errors` its description is wrong in places
            if not jsonschema_rs.is_valid(BASIC, answer.body):
                raise ViolationError(f"{name} answers {status} in another form than an error's")
            return
        if isinstance(answer.body, str) and media == "raw":
            return
        if answers[status] is None:
            if answer.body is not None:
                raise ViolationError(f"{name} answers {status} with a body")
            return
        for error in self._validator(f"{name} {status}").iter_errors(answer.body):
            where = "/".join(str(part) for part in error.instance_path)
            raise ViolationError(f"{name} answers {status} with, at `{where}`: {error.message[:600]}")

    def wrong_event(self, name: str, payload: Json) -> str | None:
        """What of an event's payload is not GitHub's; none where all is, or its description says nothing of it."""
        key = "-".join([name, *([payload["action"]] if name == "pull_request" else [])]).replace("_", "-")
        if name in ("repository_dispatch", "schedule"):
            return None  # it describes that of GitHub Apps alone, and none of GitHub's own clock
        if key not in self.events:
            return f"there is no event {key}"
        for error in self._validator(f"{key} event").iter_errors(payload):
            where = "/".join(str(part) for part in error.instance_path)
            return f"event {key} has, at `{where}`: {error.message[:600]}"
        return None

    def _compile(self, key: str) -> jsonschema_rs.Draft202012Validator:
        name, _, part = key.rpartition(" ")
        if part == "event":
            schema = self.events[name]
        else:
            schema = self.operations[name]["body" if part == "body" else "answers"]
            schema = schema if part == "body" else schema[part]
        # bots have addresses that no standard allows, as those of github-actions[bot]
        formats = {"email": lambda text: "@" in text}
        return jsonschema_rs.Draft202012Validator(
            schema, registry=self._registry, validate_formats=True, formats=formats
        )


@cache
def contract() -> Contract:
    """That of the file, read once."""
    return Contract()


def _pattern(name: str, operation: Json) -> str:
    several = {each["name"] for each in operation["parameters"] if each.get("several")}
    parts = re.split(r"\{(\w+)\}", name)
    words = [f"(?P<{part}>{'.+' if part in several else '[^/]+'})" for part in parts[1::2]]
    return "".join(re.escape(fixed) + word for fixed, word in zip(parts[::2], [*words, ""], strict=True))


def _fits(value: str, schema: Json, registry: Any) -> bool:
    validator = jsonschema_rs.Draft202012Validator(schema, registry=registry)
    read: list[Any] = [value]
    if re.fullmatch(r"-?\d{1,18}", value):
        read.append(int(value))
    if value in ("true", "false"):
        read.append(value == "true")
    return any(validator.is_valid(each) for each in read)


def _words(error: jsonschema_rs.ValidationError) -> str:
    """As GitHub says it."""
    where = "/".join(str(part) for part in error.instance_path)
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        return f'"{str(kind.property).strip(chr(34))}" wasn\'t supplied.'
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        return f'"{kind.unexpected[0]}" is not a permitted key.'
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Type):
        return f"For '{where}', {json.dumps(error.instance)} is of another type."
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.OneOfNotValid | jsonschema_rs.ValidationErrorKind.AnyOf):
        return f"Invalid property /{where}: data matches no possible input. See `documentation_url`."
    return f"For '{where}': {error.message}"
