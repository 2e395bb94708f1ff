"""The training image has a new name when anything in it changes, and no other time."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.compute.image import LOCK, image_tag
from slipway.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the image is built from, as the current folder."""
    shutil.copytree(ROOT / "docker", tmp_path / "docker")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tags() -> tuple[str, str]:
    return image_tag("cpu"), image_tag("gpu")


def test_a_tag_is_a_hash_and_a_device(project: Path) -> None:
    assert [bool(re.fullmatch(rf"[0-9a-f]{{16}}-{device}", image_tag(device))) for device in ("cpu", "gpu")] == [
        True
    ] * 2
    assert len({tag[:16] for tag in tags()}) == 2


@pytest.mark.parametrize("name", ["docker/requirements.txt", "docker/train", "docker/train.Dockerfile"])
def test_what_is_in_both_images_renames_both(project: Path, name: str) -> None:
    before = tags()
    (project / name).write_text((project / name).read_text() + "\n")
    assert not set(before) & set(tags())


def test_a_build_of_torch_renames_its_image(project: Path) -> None:
    before = tags()
    (project / "docker" / "torch-gpu.txt").write_text("torch==0\n")
    assert tags()[0] == before[0]
    assert tags()[1] != before[1]


def test_time_place_and_what_is_not_in_it_rename_nothing(project: Path) -> None:
    before = tags()
    (project / "docker" / "notes.md").write_text("notes")
    os.utime(project / "docker" / "train", (0, 0))
    assert tags() == before
    os.chdir(ROOT)
    assert tags() == before


def test_every_file_that_the_image_is_built_from_is_in_its_name(project: Path) -> None:
    copied = re.findall(r"^COPY (\S+)", (project / "docker" / "train.Dockerfile").read_text(), re.MULTILINE)
    for name in copied:
        before = image_tag("gpu")
        path = project / name.replace("${DEVICE}", "gpu")
        path.write_text(path.read_text() + "\n")
        assert image_tag("gpu") != before, name


def test_the_lock_is_every_list_of_releases() -> None:
    assert set(LOCK) == {path.relative_to(ROOT).as_posix() for path in (ROOT / "docker").glob("*.txt")}


def test_another_device_and_another_folder_are_named(project: Path) -> None:
    with pytest.raises(UserError, match="'tpu': a training image is for one of cpu, gpu"):
        image_tag("tpu")
    (project / "docker" / "train").unlink()
    with pytest.raises(UserError, match="docker/train is missing: run this in the root"):
        image_tag("cpu")


def test_make_asks_for_the_tag(project: Path) -> None:
    command = [sys.executable, "-m", "slipway.compute.image"]
    assert subprocess.check_output([*command, "gpu"], text=True) == image_tag("gpu") + "\n"
    failed = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (failed.returncode, failed.stderr) == (1, "error: '': a training image is for one of cpu, gpu.\n")
