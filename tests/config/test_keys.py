"""No key of the configuration is dead: each is read by some module that imports its schema."""

import ast
import importlib
from pathlib import Path

import pytest

from slipway.config.section import Section

SOURCE = Path(__file__).resolve().parents[2] / "src" / "slipway"
SCHEMAS = ("card", "compute", "data", "gate", "model", "serve", "tokenizer", "tracking", "train")


def sections(schema: str) -> list[type[Section]]:
    module = importlib.import_module(f"slipway.config.{schema}")
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Section) and value.__module__ == module.__name__
    ]


def readers(schema: str) -> list[ast.Module]:
    """The modules that import the schema, directly or as a part of another."""
    trees = []
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        if f"slipway.config.{schema}" in imported and path.name not in ("root.py", "__init__.py"):
            trees.append(tree)
    return trees


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_key_is_read(schema: str) -> None:
    nodes = [node for tree in readers(schema) for node in ast.walk(tree)]
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    # resolved.read("model.tokenizer", ...)
    paths = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("read") and node.args
    ]
    read |= {key for path in paths if isinstance(path, ast.Constant) for key in str(path.value).split(".")}
    # serve.limits.model_dump(): a whole section goes somewhere
    read |= {
        key
        for node in nodes
        if isinstance(node, ast.Attribute) and node.attr == "model_dump" and isinstance(node.value, ast.Attribute)
        for section in sections(schema)
        if isinstance(inner := getattr(section.model_fields.get(node.value.attr), "annotation", None), type)
        and issubclass(inner, Section)
        for key in inner.model_fields
    }
    # `kind` chooses the class of a union, so isinstance reads it
    unread = [
        f"{section.__name__}.{key}"
        for section in sections(schema)
        for key in section.model_fields
        if key not in read and key != "kind"
    ]
    assert not unread, f"nothing reads {unread}"
