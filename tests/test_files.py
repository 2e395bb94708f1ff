"""Files and folders are whole or absent, also after a process was killed or the disk was full."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.errors import UserError
from slipway.files import disk_full_in_words, whole_folder, write_whole


def killed(code: str) -> None:
    """Run Python code that ends by killing itself."""
    head = "import os, signal; from pathlib import Path\n"
    head += "from slipway.files import whole_folder, write_whole\n"
    done = subprocess.run([sys.executable, "-c", head + code], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_what_a_killed_process_left_of_a_folder_is_gone_after_the_next(tmp_path):
    folder = tmp_path / "raw"
    for _ in range(2):
        killed(
            f"with whole_folder(Path({str(folder)!r})) as new:\n"
            "    (new / 'half').touch(); os.kill(os.getpid(), signal.SIGKILL)"
        )
    assert [path.name for path in tmp_path.iterdir()] == [".raw.new"]
    with whole_folder(folder) as new:
        (new / "whole").touch()
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["raw", "raw/whole"]


def test_what_a_killed_process_left_of_a_file_is_gone_after_the_next(tmp_path):
    path = tmp_path / "resolved.yaml"
    killed(f"os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL); write_whole(Path({str(path)!r}), 'long text')")
    assert [each.name for each in tmp_path.iterdir()] == [".resolved.yaml.new"]
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_what_stood_there(tmp_path):
    with whole_folder(tmp_path / "raw") as new:
        (new / "first").touch()
    with pytest.raises(KeyError), whole_folder(tmp_path / "raw") as new:
        raise KeyError
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["raw", "raw/first"]


def test_a_link_or_a_file_where_a_folder_must_stand_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    for name, words in (("link", "is a link"), ("dangling", "is a link"), ("file", "is a file")):
        with pytest.raises(UserError, match=rf"{name} {words}.*move it away"), whole_folder(tmp_path / name):
            pass
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_names_the_place_where_the_file_will_stand():
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    words = r"^data/raw/source\.json: the disk is full"
    with pytest.raises(UserError, match=words), disk_full_in_words(Path("data/.raw.new/source.json")):
        raise full


def test_git_and_dvc_overlook_what_a_killed_process_left():
    root = Path(__file__).resolve().parents[1]
    for name in (".gitignore", ".dvcignore"):
        assert ".*.new" in (root / name).read_text().splitlines()
