"""No key of the configuration is dead: each is read by some module that imports its schema."""

import ast
import importlib
from pathlib import Path

import pytest

from slipway.config.section import Section
from slipway.data.rows import SPLITS

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
    module = f"slipway.config.{schema}"
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        if module in imported and path.name not in ("root.py", "__init__.py"):
            trees.append(tree)
    return trees


def read_by_name(tree: ast.Module, schema: str) -> set[str]:
    """The attributes of what a module annotates, or makes, as a type of the schema, and of what is assigned from it.

    An attribute of the same name on something else reads no key.
    """
    nodes, module = list(ast.walk(tree)), f"slipway.config.{schema}"
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == module]
    types = {alias.asname or alias.name for node in imports for alias in node.names}

    def typed(node: ast.expr | None) -> bool:
        return node is not None and any(isinstance(each, ast.Name) and each.id in types for each in ast.walk(node))

    names = {node.arg for node in nodes if isinstance(node, ast.arg) and typed(node.annotation)}
    names |= {ast.unparse(node.target) for node in nodes if isinstance(node, ast.AnnAssign) and typed(node.annotation)}
    assigned = [(ast.unparse(node.targets[0]), node.value) for node in nodes if isinstance(node, ast.Assign)]
    names |= {target for target, value in assigned if isinstance(value, ast.Call) and typed(value)}
    names |= {target for target, value in assigned if ast.unparse(value).split(".")[0] in names}
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if f"{ast.unparse(node.value)}.".startswith(tuple(f"{n}." for n in names))}


def read_by_path(section: str) -> set[str]:
    """The keys of a section that verbs read by their path: resolved.read("model.tokenizer", ...)."""
    calls = [
        node.args[0].value
        for path in (SOURCE / "verbs").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "read" and node.args
        if isinstance(node.args[0], ast.Constant)
    ]
    return {key for call in calls if str(call).startswith(f"{section}.") for key in str(call).split(".")[1:]}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_key_is_read(schema: str) -> None:
    nodes = [node for tree in readers(schema) for node in ast.walk(tree)]
    read = {key for tree in readers(schema) for key in read_by_name(tree, schema)}
    # getattr(files, split) for split in SPLITS
    if any(isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" for node in nodes):
        read |= set(SPLITS)
    read |= read_by_path(schema)
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


def test_an_attribute_of_something_else_reads_no_key() -> None:
    program = """
from slipway.config.train import TrainConfig
def train(config: TrainConfig, split: Split) -> None:
    split.labels
    config.epochs
"""
    assert read_by_name(ast.parse(program), "train") == {"epochs"}
