"""A project is up to date in another folder, and its bundle is what it was."""

from pathlib import Path

import pytest
from tests.pipeline.conftest import Project

pytestmark = pytest.mark.slow


def test_a_clone_on_another_path_is_up_to_date_once_it_has_the_cache(project: Project, tmp_path: Path) -> None:
    project.run("git", "add", "--all")
    project.run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "Trained")
    project.run("git", "clone", "--quiet", str(project.folder), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.run("dvc", "cache", "dir", "--local", str(project.folder / ".dvc" / "cache"))
    clone.run("dvc", "checkout")
    assert clone.run("dvc", "status").strip() == "Data and pipelines are up to date."
    assert clone.run("git", "status", "--porcelain").strip() == ""


def test_a_flipped_byte_in_the_bundle_is_refused_by_name(project: Project, tmp_path: Path) -> None:
    path = project.folder / "models" / "bundle" / "tokenizer.json"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    assert "tokenizer.json" in project.run("slipway", "predict", "hello", status=2)
    path.write_bytes(content)
