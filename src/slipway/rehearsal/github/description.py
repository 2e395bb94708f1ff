"""Take contract.json from GitHub's own description of its API, which npm's `@octokit/openapi` has:

    python -m slipway.rehearsal.github.description api.github.com.json

These are the operations of `ROUTES`, the events that start workflows, and the schemas that both reach, as JSON Schema,
without descriptions and examples.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from slipway.rehearsal.github.call import Json
from slipway.rehearsal.github.contract import FILE, HOME
from slipway.rehearsal.github.routes import ROUTES

EVENTS = "push|workflow-dispatch|pull-request-(opened|closed|reopened|synchronize|labeled|unlabeled|edited)"
SAID = {"description", "example", "examples", "title", "externalDocs", "deprecated", "discriminator", "readOnly"}


def take(description: Json, names: list[str]) -> Json:
    """Those operations of GitHub's description, and the schemas that they reach."""
    reached: dict[str, Json] = {}
    operations = {}
    for name in sorted(names):
        method, path = name.split()
        told = description["paths"][path][method.lower()]
        parameters = []
        for each in told.get("parameters", []):
            found = _resolved(each, description)
            several = {"several": True} if found.get("x-multi-segment") else {}
            schema = _schema(found["schema"], description, reached)
            parameters.append({"name": found["name"], "in": found["in"], "schema": schema} | several)
        body = None
        if "requestBody" in told:
            schema = _content(told["requestBody"], description, reached) or {}
            # a body may be left out, and then is read as an empty one
            schema = next((each for each in schema.get("anyOf", []) if "properties" in each), schema)
            closed = {"additionalProperties": False} if "properties" in schema else {}
            body = schema | ({} if "additionalProperties" in schema else closed)
        answers = {
            status: _content(_resolved(each, description), description, reached)
            for status, each in told["responses"].items()
        }
        operations[name] = {"parameters": parameters, "body": body, "answers": answers}
    hooks = {
        name: _content(told["post"]["requestBody"], description, reached)
        for name, told in sorted(description["x-webhooks"].items())
        if re.fullmatch(EVENTS, name)
    }
    return {"operations": operations, "events": hooks, "$defs": dict(sorted(reached.items()))}


def _resolved(told: Json, description: Json) -> Json:
    while "$ref" in told:
        found: Any = description
        for part in told["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        told = found
    return told


def _content(told: Json, description: Json, reached: dict[str, Json]) -> Json | None:
    for media, content in told.get("content", {}).items():
        if media in ("application/json", "application/json+scim") and "schema" in content:
            found: Json = _schema(content["schema"], description, reached)
            return found
    return None


def _schema(told: Any, description: Json, reached: dict[str, Json]) -> Any:
    """JSON Schema of OpenAPI 3.0's own: `nullable` is a type, and references lead to `$defs`."""
    if isinstance(told, list):
        return [_schema(each, description, reached) for each in told]
    if not isinstance(told, dict):
        return told
    if "$ref" in told:
        name = told["$ref"].rpartition("/")[2]
        if name not in reached:
            reached[name] = {}
            reached[name] = _schema(_resolved(told, description), description, reached)
        return {"$ref": f"{HOME}#/$defs/{name}"}
    found = {}
    for key, value in told.items():
        if key in SAID or key == "nullable" or key.startswith("x-"):
            continue
        if key == "properties":
            found[key] = {name: _schema(each, description, reached) for name, each in value.items()}
        else:
            found[key] = value if key in ("enum", "default", "required") else _schema(value, description, reached)
    found.pop("default", None)
    return {"anyOf": [found, {"type": "null"}]} if told.get("nullable") else found


if __name__ == "__main__":
    source = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    taken = take(source, list(ROUTES))
    # a line each, so that a change of GitHub's is seen as one
    parts = []
    for part, entries in taken.items():
        rows = [f"{json.dumps(key)}: {json.dumps(value, sort_keys=True)}" for key, value in entries.items()]
        parts.append(f"{json.dumps(part)}: {{\n" + ",\n".join(rows) + "\n}")
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
