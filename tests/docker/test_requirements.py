"""The training image holds what training imports, in the releases that this project is tested with."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement

from slipway.compute.job import PACKAGE, SOURCES

ROOT = Path(__file__).resolve().parents[2]
PIN = re.compile(r"^([\w.-]+)==([\w.+]+)(?: ; (.+?))? \\$", re.MULTILINE)
IMAGE = {"python_version": "3.11", "python_full_version": "3.11.14", "platform_machine": "x86_64"}
# trains in a process that finds no package but those of the list
TRAINS = """
import sys
from importlib.metadata import packages_distributions

listed, homes = set(sys.argv[2].split()), packages_distributions()


class Listed:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        owners = {owner.lower().replace("_", "-") for owner in homes.get(name.partition(".")[0], [])}
        return None if owners and not owners & listed else self.finder.find_spec(name, path, target)


sys.meta_path[:] = map(Listed, sys.meta_path)
try:
    import sklearn
except ModuleNotFoundError:
    pass
else:
    sys.exit("it could import what is in no list")
import transformers.models.bert.modeling_bert
from slipway.training.entry import main

sys.exit(main(sys.argv[1:2]))
"""


def pins(path: Path) -> dict[str, str]:
    """The releases that a lock holds for the image's Python and system."""
    found = PIN.findall(path.read_text(encoding="utf-8"))
    return {name: release for name, release, marker in found if not marker or Marker(marker).evaluate(IMAGE)}


def test_the_image_has_the_releases_that_are_tested_here() -> None:
    image, here = pins(ROOT / "docker" / "requirements.txt"), pins(ROOT / "requirements.lock")
    assert {name: here.get(name) for name in image} == image


def test_each_build_of_torch_is_the_one_that_is_tested_here() -> None:
    (wanted,) = set(re.findall(r'"torch==([\d.]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    cpu, gpu = (pins(ROOT / "docker" / f"torch-{device}.txt") for device in ("cpu", "gpu"))
    assert (cpu, gpu["torch"]) == ({"torch": f"{wanted}+cpu"}, wanted)
    both = pins(ROOT / "docker" / "requirements.txt")
    assert {name: release for name, release in gpu.items() if name in both and both[name] != release} == {}
    assert not [name for name in both if re.match("torch|triton|nvidia|cuda", name)], (
        "CUDA came into the image for CPUs"
    )


def test_what_torch_needs_is_locked_too() -> None:
    needed = [Requirement(line) for line in requires("torch") or []]
    here = {each.name for each in needed if each.marker is None or each.marker.evaluate(IMAGE | {"extra": ""})}
    assert here - set(pins(ROOT / "docker" / "requirements.txt")) == set()


def test_what_the_code_that_trains_names_is_locked() -> None:
    files = [
        ROOT / "src/slipway/tracking.py",
        *(path for pattern in SOURCES for path in PACKAGE.glob(pattern)),
    ]
    named = {
        name.partition(".")[0]
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    homes = packages_distributions()
    listed = {"slipway", "torch", *pins(ROOT / "docker" / "requirements.txt")}
    # the bundle is registered after training, by `gate`
    missing = named - set(sys.stdlib_module_names) - {"onnx"}
    assert {name for name in missing if not {home.lower().replace("_", "-") for home in homes[name]} & listed} == set()


@pytest.mark.slow
def test_training_imports_nothing_else(job_of: Callable[..., Any], make_layout: Callable[..., Any]) -> None:
    job = job_of(epochs=1)
    layout = make_layout(job.model_copy(update={"tracking": job.tracking.model_copy(update={"system_metrics": True})}))
    listed = " ".join(["slipway", "torch", *pins(ROOT / "docker" / "requirements.txt")])
    process = subprocess.run(
        [sys.executable, "-c", TRAINS, layout.root, listed],
        check=False,
        # a server that is not there: MLflow is imported, and told of nothing
        env=os.environ | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert "No module named" not in process.stdout + process.stderr
    assert (layout.model / "train.json").is_file()
