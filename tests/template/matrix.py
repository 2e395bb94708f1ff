"""Each copy passes its own checks: lint, types, Terraform's, and its fast tests, in an environment laid over this one.

Thirteen whole suites are hours: each copy runs the tests that read the tree's own texts, and its share of the others,
so that all are run once, each under another name. SLIPWAY_WHOLE=1 runs all in each. `make copy-test` runs this file.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.template.conftest import ROOT
from tests.template.copies import CORE, MATRIX, environment

from slipway.delivery.terraform.root import ROOTS
from slipway.rehearsal.terraform import plugins

SECONDS = 3600


def share(folder: Path, place: int, of: int) -> list[str]:
    """The tests of the copy at a place: the core's, and of the others' folders and files every so many-th."""
    tests = folder / "tests"
    files = [path.relative_to(tests) for path in tests.rglob("test_*.py")]
    # those of one folder share what they make
    others = sorted({path.parent if path.parent.name else path for path in files if path.parts[0] not in CORE})
    mine = set(others[place::of])
    told = [path for path in files if path.parts[0] in CORE or path in mine or path.parent in mine]
    return sorted(str(Path("tests", path)) for path in told)


@pytest.mark.parametrize("row", MATRIX)
def test_a_copy_passes_its_own_checks(row: str, copy: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / row).mkdir()
    began = time.monotonic()
    folder = copy(into=tmp_path / row, **MATRIX[row])
    print(f"copied in {time.monotonic() - began:.1f} s, without network")
    own = environment(folder)

    def passes(*words: str, where: Path = folder, **more: str) -> None:
        done = subprocess.run(
            words, cwd=where, env=own | more, capture_output=True, check=False, text=True, timeout=SECONDS
        )
        print(done.stdout.strip().rpartition("\n")[2])
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]

    # what mypy knows of the libraries need not be found out anew
    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache", dirs_exist_ok=True)
    passes("make", "lint")
    for root in ROOTS:
        for words in (("init", "-backend=false", "-input=false"), ("validate",)):
            passes("terraform", *words, "-no-color", where=folder / "terraform" / root, **plugins())
    whole = os.environ.get("SLIPWAY_WHOLE")
    tests = ["tests"] if whole else share(folder, list(MATRIX).index(row), len(MATRIX))
    passes("pytest", "-q", "-m", "not slow and not rehearsal", *tests)


def test_the_shares_are_all_tests_together() -> None:
    shares = [share(ROOT, place, len(MATRIX)) for place in range(len(MATRIX))]
    all_of_them = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    assert set().union(*shares) == all_of_them
