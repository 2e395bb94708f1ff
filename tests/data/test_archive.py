"""Archives are read, not unpacked; whatever leads outside is refused."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from slipway.data.archive import tar_members, zip_member
from slipway.errors import UserError


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_a_member_of_a_zip_is_read(tmp_path):
    assert zip_member(zipped(tmp_path / "a.zip", {"a/b.txt": b"text"}), "a/b.txt") == b"text"


def test_a_missing_member_is_named_with_those_there_are(tmp_path):
    with pytest.raises(UserError, match=r"a\.zip: has no file 'c'; it has: 'a', 'b'"):
        zip_member(zipped(tmp_path / "a.zip", {"a": b"", "b": b""}), "c")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil"])
def test_a_zip_with_a_path_that_leads_outside_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="leads outside; such an archive is refused"):
        zip_member(zipped(tmp_path / "a.zip", {"good": b"", name: b"evil"}), "good")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


def test_a_zip_bomb_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", {"zeros": bytes(2_000_000)})
    assert path.stat().st_size < 10_000
    with pytest.raises(UserError, match=r"larger than 1,000,000 bytes unpacked"):
        zip_member(path, "zeros", limit=1_000_000)


def test_a_broken_zip_is_an_error_in_words(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a": b"text" * 1000})
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(UserError, match=r"not a zip that can be read .*Delete it and fetch again"):
        zip_member(path, "a")


def test_a_zip_with_one_flipped_byte_is_an_error_in_words(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a": bytes(range(256)) * 100})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UserError, match="not a zip that can be read"):
        zip_member(path, "a")


def test_the_files_of_a_tarball_come_in_their_order(tmp_path):
    folder = tarfile.TarInfo("b")
    folder.type = tarfile.DIRTYPE
    path = tarred(tmp_path / "a.tgz", (folder, b""), (tarfile.TarInfo("b/x"), b"1"), (tarfile.TarInfo("a"), b"2"))
    assert list(tar_members(path)) == [("b/x", b"1"), ("a", b"2")]


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil"])
def test_a_tarball_with_a_path_that_leads_outside_is_refused(tmp_path, name):
    path = tarred(tmp_path / "a.tgz", (tarfile.TarInfo(name), b"evil"))
    with pytest.raises(UserError, match="leads outside"):
        list(tar_members(path))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tarball_are_refused(tmp_path, kind):
    info = tarfile.TarInfo("a")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(UserError, match="a link or a device"):
        list(tar_members(tarred(tmp_path / "a.tgz", (info, b""))))


def test_a_tar_bomb_is_refused(tmp_path):
    path = tarred(tmp_path / "a.tgz", *((tarfile.TarInfo(str(n)), bytes(600_000)) for n in range(2)))
    with pytest.raises(UserError, match=r"more than 1,000,000 bytes unpacked"):
        list(tar_members(path, limit=1_000_000))


@pytest.mark.parametrize("keep", [5, 2000])
def test_a_cut_tarball_is_an_error_in_words(tmp_path, keep):
    path = tarred(tmp_path / "a.tgz", (tarfile.TarInfo("a"), np.random.default_rng(0).bytes(9000)))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"not a tarball that can be read"):
        list(tar_members(path))
