"""The code travels as the same bytes from any machine, and as all that training imports."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from slipway.compute.sagemaker import upload


def test_the_same_files_make_the_same_tarball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = upload.source()
    copy = tmp_path / "elsewhere" / upload.PACKAGE.name
    shutil.copytree(upload.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    (copy / "training" / "__pycache__").mkdir()
    (copy / "training" / "__pycache__" / "loop.cpython-311.pyc").write_bytes(b"of another machine")
    monkeypatch.setattr(upload, "PACKAGE", copy)
    assert upload.source() == here
    (copy / "errors.py").write_text("other")
    assert upload.source() != here


def test_training_finds_all_it_imports_in_the_tarball(tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(upload.source())) as archive:
        archive.extractall(tmp_path, filter="data")
    program = """
import slipway.training.loop
import slipway.training.entry
import slipway.tracking
print(slipway.__path__)
"""
    command = [sys.executable, "-c", program]
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    found = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert str(tmp_path) in found.stdout
