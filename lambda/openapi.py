"""The OpenAPI document of the service, for the bundle at hand: https://spec.openapis.org/oas/v3.1.0."""

from typing import Any

from problem import MEDIA_TYPE, TITLES
from question import BLANK, MOST_NAMED

ALLOW = {"description": "The methods that the path answers.", "schema": {"type": "string"}}
WHY = {
    400: "The body is not JSON in UTF-8.",
    404: "There is no such path.",
    405: "The path answers other methods, which the header Allow names.",
    413: "The body is larger than the limit.",
    415: "The body is not application/json, or compressed.",
    422: "The question breaks a rule; `errors` says which, and where in the body.",
    500: "The answer failed; the log of the service says why.",
    503: "The model does not answer here as it did where it was made.",
}


def document(manifest: dict[str, Any]) -> dict[str, Any]:
    """The whole document; limits and labels are the bundle's."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": manifest["name"],
            "version": manifest["digest"][:12],
            "description": "Text classification from an ONNX bundle.",
        },
        "paths": {
            "/predict": {
                "post": {
                    "operationId": "predict",
                    "summary": "Classify texts",
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": ref("Question")}},
                    },
                    "responses": responses(
                        "Answer", "One prediction a text, in the order of the texts.", (400, 413, 415, 422, 500)
                    ),
                }
            },
            "/health": get("health", "Whether a recorded prediction holds here", "Health", "It does.", (503,)),
            "/metadata": get("metadata", "The manifest of the bundle", "Manifest", "The manifest.", ()),
            "/openapi.json": get("openapi", "This document", "Document", "This document.", ()),
        },
        "components": {"schemas": schemas(manifest)},
    }


def get(name: str, summary: str, schema: str, description: str, errors: tuple[int, ...]) -> dict[str, Any]:
    """A path that is only read. HEAD is answered as GET, without the document."""
    whole = responses(schema, description, (*errors, 500))
    bare = {status: {key: each[key] for key in each if key != "content"} for status, each in whole.items()}
    return {
        "get": {"operationId": name, "summary": summary, "responses": whole},
        "head": {"operationId": f"{name}_head", "summary": f"{summary}: the headers alone", "responses": bare},
    }


def responses(schema: str, description: str, errors: tuple[int, ...]) -> dict[str, Any]:
    """What a path answers: what was asked for, or a problem; 405 for any other method."""
    answered: dict[str, Any] = {
        "200": {"description": description, "content": {"application/json": {"schema": ref(schema)}}, **request_id()}
    }
    for status in sorted({*errors, 405}):
        problem = {"description": WHY[status], "content": {MEDIA_TYPE: {"schema": ref("Problem")}}, **request_id()}
        answered[str(status)] = problem
    answered["405"] = answered["405"] | {"headers": {"allow": ALLOW, **request_id()["headers"]}}
    answered["default"] = {**problem, "description": "Any other error, as of an event that is no HTTP request."}
    return answered


def request_id() -> dict[str, Any]:
    """The header that names a request."""
    return {
        "headers": {
            "x-request-id": {
                "description": "The id of the request: the log has it of each answer to texts, and of each error.",
                "schema": {"type": "string"},
            }
        }
    }


def ref(schema: str) -> dict[str, str]:
    """A reference to a schema of this document."""
    return {"$ref": f"#/components/schemas/{schema}"}


def schemas(manifest: dict[str, Any]) -> dict[str, Any]:
    """Every schema."""
    limits, labels = manifest["limits"], manifest["labels"]
    text = {
        "type": "string",
        "minLength": 1,
        "maxLength": limits["characters"],
        "pattern": f"[^{BLANK}]",
        "description": "Not blank. The model reads its beginning; `truncated` says whether that was not all.",
    }
    score = {
        "label": {"type": "string", "enum": labels},
        "score": {"type": "number", "minimum": 0, "maximum": 1, "description": "The probability of the class."},
    }
    model = closed({"name": {"type": "string"}, "version": {"type": "string", "description": "The bundle's digest."}})
    return {
        "Question": closed(
            {
                "texts": {"type": "array", "minItems": 1, "maxItems": limits["texts"], "items": text},
                "top_k": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": len(labels),
                    "default": 1,
                    "description": f"How many classes each prediction names; times texts no more than {MOST_NAMED}.",
                },
            },
            optional=("top_k",),
        ),
        "Answer": closed(
            {
                "predictions": {"type": "array", "items": ref("Prediction")},
                "model": ref("Model"),
                "request_id": {"type": "string"},
            }
        ),
        "Prediction": closed(
            {
                **score,
                "alternatives": {
                    "type": "array",
                    "minItems": 1,
                    "items": ref("Score"),
                    "description": "The `top_k` most probable classes, the best first.",
                },
                "truncated": {"type": "boolean", "description": "Whether the text was longer than the model reads."},
            }
        ),
        "Score": closed(score),
        "Model": model,
        "Health": closed({"status": {"type": "string", "const": "ready"}, "model": ref("Model")}),
        "Manifest": {"type": "object"},
        "Document": {"type": "object"},
        "Problem": closed(
            {
                "type": {"type": "string", "format": "uri-reference"},
                "title": {"type": "string", "enum": sorted(TITLES.values())},
                "status": {"type": "integer", "enum": sorted(WHY)},
                "detail": {"type": "string"},
                "request_id": {"type": "string"},
                "errors": {
                    "type": "array",
                    "items": closed({"pointer": {"type": "string"}, "detail": {"type": "string"}}),
                    "description": "JSON pointers into the body, and what is wrong there.",
                },
            },
            optional=("errors",),
        ),
    }


def closed(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with these members and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}
