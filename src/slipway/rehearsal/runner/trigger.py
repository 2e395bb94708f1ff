"""Which workflows an event starts, and with what inputs.

https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from collections.abc import Callable
from typing import Any

from slipway.errors import UserError
from slipway.rehearsal.runner.language import Tree
from slipway.rehearsal.runner.outside import Event, Json
from slipway.rehearsal.runner.patterns import chosen

# activities that start a workflow which names none
USUAL = {
    "pull_request": ["opened", "synchronize", "reopened"],
    "pull_request_target": ["opened", "synchronize", "reopened"],
    "merge_group": ["checks_requested"],
}
SKIP = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


def triggers(workflow: Tree) -> dict[str, Any]:
    """A workflow's `on`, whatever form it is written in, as a mapping from event to filters."""
    on = workflow["on"]
    if isinstance(on, str):
        return {on: {}}
    if isinstance(on, list):
        return {name: {} for name in on}
    return {name: given or {} for name, given in on.items()}


def starts(workflow: Tree, file: str, event: Event, changed: Callable[[], list[str]]) -> bool:
    """Whether an event starts a workflow. `file` is its path, `changed` tells what push or proposal changes."""
    on = triggers(workflow)
    if event.name not in on:
        return False
    filters, payload = on[event.name], event.payload
    if event.name == "workflow_dispatch":
        return bool(payload["workflow"].removeprefix("/") == file)
    if event.name == "schedule":
        return payload["schedule"] in [each["cron"] for each in filters]
    if "action" in payload:
        types = filters.get("types", USUAL.get(event.name))
        types = [types] if isinstance(types, str) else types
        if types is not None and payload["action"] not in types:
            return False
    if event.name == "push":
        return not payload.get("deleted") and _pushed(filters, event.ref) and _touched(filters, event, changed)
    if event.name in ("pull_request", "pull_request_target"):
        return _named(filters, "branches", payload["pull_request"]["base"]["ref"]) and _touched(filters, event, changed)
    if event.name == "merge_group":
        return _named(filters, "branches", payload["merge_group"]["base_ref"].removeprefix("refs/heads/"))
    return True


def skipped(event: Event, message: str) -> bool:
    """Whether the message of a push's or proposal's last commit asks that nothing runs."""
    return event.name in ("push", "pull_request") and any(word in message for word in SKIP)


def _list(filters: Json, key: str) -> list[str] | None:
    given = filters.get(key)
    return [given] if isinstance(given, str) else given


def _named(filters: Json, kind: str, name: str) -> bool:
    only, ignored = _list(filters, kind), _list(filters, f"{kind}-ignore")
    if only is not None:
        return chosen(name, only)
    return ignored is None or not chosen(name, ignored)


def _pushed(filters: Json, ref: str) -> bool:
    """A workflow with filters for branches alone is not started by tags, and the other way round."""
    kind, other = ("tags", "branches") if ref.startswith("refs/tags/") else ("branches", "tags")
    has = {key: key in filters or f"{key}-ignore" in filters for key in (kind, other)}
    if has[other] and not has[kind]:
        return False
    return _named(filters, kind, ref.split("/", 2)[2])


def _touched(filters: Json, event: Event, changed: Callable[[], list[str]]) -> bool:
    only, ignored = _list(filters, "paths"), _list(filters, "paths-ignore")
    if event.ref.startswith("refs/tags/") or (only is None and ignored is None):
        return True
    if only is not None:
        return any(chosen(path, only) for path in changed())
    return any(not chosen(path, ignored or []) for path in changed())


def inputs_of(workflow: Tree, event: Event) -> Json:
    """The `inputs` of a dispatched workflow, by their types, defaults filled in; empty for other events.

    Raises UserError as GitHub refuses: unknown and missing ones, and values that are not of the type.
    """
    if event.name != "workflow_dispatch":
        return {}
    declared: Json = triggers(workflow)["workflow_dispatch"].get("inputs") or {}
    given = event.payload.get("inputs") or {}
    if unknown := sorted(set(given) - set(declared)):
        raise UserError(f"Unexpected inputs provided: {unknown}")
    return {name: _input(name, about or {}, given.get(name)) for name, about in declared.items()}


def _input(name: str, about: Json, given: Any) -> Any:
    kind = about.get("type", "string")
    if given in (None, ""):
        if about.get("required") and "default" not in about:
            raise UserError(f"Required input '{name}' not provided")
        given = about.get("default")
    if kind == "boolean":
        if str(given).lower() not in ("true", "false", "none"):
            raise UserError(f"Provided value '{given}' for input '{name}' is no boolean")
        return str(given).lower() == "true"
    if kind == "number":
        try:
            number = float(given or 0)
        except ValueError:
            raise UserError(f"Provided value '{given}' for input '{name}' is no number") from None
        return int(number) if number.is_integer() else number
    value = "" if given is None else str(given)
    if kind == "choice" and value and value not in about["options"]:
        raise UserError(f"Provided value '{value}' for input '{name}' not in the list of allowed values")
    return value
