"""Each root and module of Terraform is well-formed, and refuses what its variables may not be."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from slipway.compute.folder import PROJECT
from slipway.delivery.terraform.root import VALUE, binary
from slipway.rehearsal.aws.account import ROOT
from slipway.rehearsal.terraform import copy_files

TERRAFORM = ROOT / "terraform"
FOLDERS = sorted(path.parent.relative_to(TERRAFORM).as_posix() for path in TERRAFORM.rglob("versions.tf"))
MODULES = [name for name in FOLDERS if name.startswith("modules/")]
VALIDATION = re.compile(r"^  validation \{", re.MULTILINE)
VARIABLE = re.compile(r'^variable "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def terraform(folder: Path, *words: str, **more: str) -> str:
    """What Terraform prints in a folder, with an account that is none."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    environment |= {"CHECKPOINT_DISABLE": "1", "TF_INPUT": "0"} | more
    done = subprocess.run([binary(), *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def variables(folder: str) -> dict[str, str]:
    """The variables of a folder, by name, with what is said of them."""
    return dict(VARIABLE.findall((TERRAFORM / folder / "variables.tf").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of terraform/ to work in."""
    return copy_files(tmp_path_factory.mktemp("files") / "terraform")


def test_the_project_is_called_as_its_jobs_are() -> None:
    told = dict(VALUE.findall((TERRAFORM / "project.tfvars").read_text(encoding="utf-8")))
    assert told["project"] == PROJECT, "roles may submit jobs, and write results, under the project's name alone"


def test_there_are_three_roots_and_some_modules() -> None:
    assert set(FOLDERS) - set(MODULES) == {"bootstrap", "platform", "serving"}
    assert len(MODULES) >= 5


@pytest.mark.usefixtures("provider")
def test_the_files_are_formatted() -> None:
    terraform(TERRAFORM, "fmt", "-check", "-recursive", "-diff")


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_valid_and_its_own_tests_pass(copy: Path, provider: dict[str, str], folder: str) -> None:
    terraform(copy / folder, "init", "-backend=false", "-no-color", **provider)
    terraform(copy / folder, "validate", "-no-color")
    told = terraform(copy / folder, "test", "-no-color")
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", told), told


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_validation_is_failed_by_a_test(folder: str) -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (TERRAFORM / folder / "tests").glob("*.tftest.hcl"))
    for name, body in variables(folder).items():
        failed = tests.count(f"expect_failures = [var.{name}]")
        assert failed >= len(VALIDATION.findall(body)), f"{folder}: var.{name}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_variable_is_typed_and_described(folder: str) -> None:
    for name, body in variables(folder).items():
        assert re.search(r'^  description = "\S.+\."$', body, re.MULTILINE), f"{folder}: var.{name}"
        assert re.search(r"^  type +=", body, re.MULTILINE), f"{folder}: var.{name}"


@pytest.mark.parametrize("folder", MODULES)
def test_every_module_says_what_it_is(folder: str) -> None:
    lines = (TERRAFORM / folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {Path(folder).name}"


def test_every_root_pins_the_same_provider_for_all_platforms() -> None:
    roots = ("bootstrap", "platform", "serving")
    [locked] = {(TERRAFORM / root / ".terraform.lock.hcl").read_text(encoding="utf-8") for root in roots}
    # "h1" is of the files as this machine's mirror holds them, "zh" of the registry's archives, one a platform
    assert len(re.findall(r'"h1:[^"]{44}"', locked)) >= 1
    assert len(set(re.findall(r'"zh:[0-9a-f]{64}"', locked))) >= 14
