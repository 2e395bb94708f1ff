"""Each rule finds nothing here, and does in a broken copy."""

from collections.abc import Callable
from typing import Any

import pytest

from . import rights, shape

Rule = Callable[[Any], list[str]]
RULES: list[tuple[Rule, str, str, str]] = [*rights.RULES, *shape.RULES]


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, *_ in RULES), ids=lambda rule: rule.__name__)
def test_there_are_no(rule: Rule, workflows: Any) -> None:
    assert rule(workflows) == []


@pytest.mark.parametrize(("rule", "name", "old", "new"), RULES, ids=[f"{each[0].__name__}-{each[3]}" for each in RULES])
def test_a_broken_copy_is_found(rule: Rule, name: str, old: str, new: str, broken: Callable[..., Any]) -> None:
    assert rule(broken(name, old, new))
