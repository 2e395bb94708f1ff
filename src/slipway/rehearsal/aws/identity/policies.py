"""Whether policies let a request pass, as IAM decides it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from functools import cache
from typing import Any

Policy = dict[str, Any]
Context = dict[str, str | list[str]]


def allowed(identity: list[Policy], boundary: Policy, action: str, resource: str, context: Context) -> bool:
    """Whether a role may: its policies and its boundary must both allow it, and none deny it."""
    told = [effects(policies, action, resource, context) for policies in (identity, [boundary])]
    return all("Allow" in each and "Deny" not in each for each in told)


def effects(policies: list[Policy], action: str, resource: str, context: Context) -> set[str]:
    """What the statements say that are about a request."""
    statements = [statement for policy in policies for statement in many(policy["Statement"])]
    return {
        each["Effect"]
        for each in statements
        if about(each, "Action", action, re.IGNORECASE)
        and about(each, "Resource", resource)
        and all(holds(operator, keys, context) for operator, keys in each.get("Condition", {}).items())
    }


def about(statement: dict[str, Any], element: str, value: str, flags: int = 0) -> bool:
    """Whether an element, or its negation, is about a value."""
    if f"Not{element}" in statement:
        return not any(like(pattern, value, flags) for pattern in many(statement[f"Not{element}"]))
    return any(like(pattern, value, flags) for pattern in many(statement[element]))


def holds(operator: str, keys: dict[str, Any], context: Context) -> bool:
    """Whether a condition does. Raises NotImplementedError for an operator that is not understood here."""
    for key, wanted in keys.items():
        there, patterns = many(context.get(key, [])), many(wanted)
        if operator in ("StringEquals", "ForAnyValue:StringEquals", "ArnEquals", "Bool"):
            met = any(value in patterns for value in there)
        elif operator == "StringNotEquals":
            met = not any(value in patterns for value in there)
        elif operator in ("StringLike", "ArnLike"):
            met = any(like(pattern, value) for pattern in patterns for value in there)
        else:
            raise NotImplementedError(f"the operator {operator} of {key}")
        if not met:
            return False
    return True


def like(pattern: str, value: str, flags: int = 0) -> bool:
    """Whether a value fits a pattern of * and ?."""
    return compiled(pattern, flags).fullmatch(value) is not None


@cache
def compiled(pattern: str, flags: int) -> re.Pattern[str]:
    """The regular expression of such a pattern."""
    expression = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    return re.compile(expression, flags | re.DOTALL)


def many(value: Any) -> list[Any]:
    """A list, also of one."""
    return value if isinstance(value, list) else [value]
