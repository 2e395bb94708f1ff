"""dvc.yaml lists for each stage what the stage reads: no more (it would re-run for nothing), no less (stale)."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# what cannot change an output: where a run is watched and how a message is worded
WITHOUT_EFFECT = {
    "src/slipway/tracking.py",
    "src/slipway/errors.py",
    "src/slipway/config/compose.py",
    "src/slipway/config/explain.py",
    "src/slipway/config/root.py",
    "src/slipway/config/compute.py",
    "src/slipway/config/tracking.py",
    # where a job runs is no part of what it makes; which job it is, is
    *(
        str(path.relative_to(ROOT))
        for path in (ROOT / "src" / "slipway" / "compute").rglob("*.py")
        if path.name != "project.py"
    ),
}
# what a stage runs by another way than an import
ALSO_RUN = {
    "train": (
        "src/slipway/training/launch.py",
        "src/slipway/training/entry.py",
    ),
}


def module_file(name: str) -> str | None:
    """The file of a module of ours, relative to the root."""
    if (ROOT / "lambda" / f"{name}.py").is_file():
        return f"lambda/{name}.py"
    path, ours = ROOT / "src" / Path(*name.split(".")), f"{name}.".startswith("slipway.")
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if ours and candidate.is_file() and candidate.read_text(encoding="utf-8").strip():
            return str(candidate.relative_to(ROOT))
    return None


def imports(file: str) -> set[str]:
    """The files of ours that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    package = "src/slipway/__init__.py"
    return {found for name in names if (found := module_file(name)) and found != package}


def closure(file: str, without: set[str]) -> set[str]:
    seen: set[str] = set()
    todo = {file}
    while todo:
        current = todo.pop()
        seen.add(current)
        todo |= imports(current) - seen - without
    return seen


def listed(stage: str) -> set[str]:
    """The source files that a stage's `deps` cover."""
    files: set[str] = set()
    for dependency in STAGES[stage]["deps"]:
        path = ROOT / dependency
        found = path.rglob("*.py") if path.is_dir() else [path]
        files |= {str(each.relative_to(ROOT)) for each in found if each.suffix == ".py" and each.read_text().strip()}
    return files


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_source_that_it_runs(stage: str) -> None:
    without = {"src/slipway/errors.py"} if stage == "compose" else WITHOUT_EFFECT
    started = [f"src/slipway/verbs/{stage}.py", *ALSO_RUN.get(stage, ())]
    assert listed(stage) == set().union(*(closure(file, without) for file in started))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_the_sections_of_the_configuration_that_it_reads(stage: str) -> None:
    tree = ast.parse((ROOT / f"src/slipway/verbs/{stage}.py").read_text(encoding="utf-8"))
    read = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "read" and node.args
        if isinstance(node.args[0], ast.Constant)
    }
    entries = STAGES[stage].get("params", [])
    listed_keys = {key for entry in entries for key in entry.get("resolved.yaml") or []}
    # `package` hashes whole sections, which it names in a tuple
    named = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {key for key in read if key not in listed_keys and key.split(".")[0] not in listed_keys} == set()
    assert listed_keys - named == set()
