"""The function's image has a new name when anything in it changes, and no other time."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.delivery.image.tag import image_tag, sources
from slipway.errors import UserError
from slipway.predictor import digest_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def project(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the image is built from, as the current folder."""
    shutil.copytree(ROOT / "lambda", tmp_path / "lambda", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "models").mkdir()
    bundle.rename(tmp_path / "models" / "bundle")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_file_that_the_image_is_built_from_is_in_its_name(project: Path) -> None:
    seen = {image_tag()}
    assert re.fullmatch(r"[0-9a-f]{16}", *seen)
    names = ["lambda/Dockerfile", *(name for name in sources() if name != "models/bundle/")]
    assert {"lambda/requirements.txt", "lambda/app.py", "lambda/page.html"} <= set(names)
    for name in names:
        with (project / name).open("a") as file:
            file.write("\n")
        tag = image_tag()
        assert tag not in seen, name
        seen.add(tag)


def test_another_bundle_renames_it(project: Path) -> None:
    before = image_tag()
    path = project / "models" / "bundle" / "manifest.json"
    changed = path.read_bytes().replace(b'"name": "banking77-bag"', b'"name": "banking77-gab"')
    old = re.search(rb'"digest": "(\w+)"', changed)
    assert old is not None
    path.write_bytes(changed.replace(old[1], digest_of(changed, old[1].decode()).encode()))
    assert image_tag() != before


def test_time_place_and_what_is_not_in_it_rename_nothing(project: Path, tmp_path: Path) -> None:
    before = image_tag()
    for name in ("lambda/serve.py", "lambda/notes.md", "models/bundle/notes.md"):
        (project / name).write_text("notes")
    os.utime(project / "lambda" / "app.py", (0, 0))
    assert image_tag() == before
    os.chdir(ROOT)
    assert image_tag(tmp_path / "models" / "bundle") == before


def test_a_bundle_that_is_not_whole_has_no_image(project: Path) -> None:
    (project / "models" / "bundle" / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"models/bundle/tokenizer\.json was altered"):
        image_tag()


def test_a_missing_file_and_another_folder_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "lambda" / "web.py").unlink()
    with pytest.raises(UserError, match=r"lambda/web\.py is missing: run this in the root"):
        image_tag()
    monkeypatch.chdir(project / "lambda")
    with pytest.raises(UserError, match="lambda/Dockerfile is missing: run this in the root"):
        image_tag(project / "models" / "bundle")


def test_make_asks_for_the_tag(project: Path) -> None:
    command = [sys.executable, "-m", "slipway.delivery.image.tag"]
    assert subprocess.check_output(command, text=True) == f"{image_tag()}\n"
    failed = subprocess.run([*command, "nowhere"], check=False, capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: nowhere/manifest.json cannot be read")
