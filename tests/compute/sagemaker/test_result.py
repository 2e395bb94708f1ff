"""A result is taken whole, of the right job, out of an archive that leads nowhere else."""

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.compute.sagemaker import result
from slipway.compute.sagemaker.result import Spoiled, unpack
from slipway.files import sha256
from slipway.training.layout import DONE, FILES, Layout

HASH = "0" * 16


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A result, as training leaves it: here of bytes that nobody opens."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(name.encode() * 1000)
    said = {"job": HASH, "files": {name: sha256(folder / name) for name in FILES}}
    (folder / DONE).write_text(json.dumps(said), encoding="utf-8")
    return folder


def pack(model: Path, *more: tuple[tarfile.TarInfo, bytes]) -> Path:
    archive = model.parent / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(model.iterdir()):
            tar.add(path, path.name)
        for entry, data in more:
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return archive


def entry(name: str, **values: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for key, value in values.items():
        setattr(made, key, value)
    return made


def test_a_whole_result_is_unpacked(model: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "ml")
    unpack(pack(model), layout, HASH)
    assert layout.done()


def truncate(model: Path) -> Path:
    archive = pack(model)
    archive.write_bytes(archive.read_bytes()[:-300])
    return archive


def without(model: Path) -> Path:
    (model / "model.json").unlink()
    return pack(model)


def damaged(model: Path) -> Path:
    (model / "model.json").write_text("{}", encoding="utf-8")
    return pack(model)


def of_another_job(model: Path) -> Path:
    said = json.loads((model / DONE).read_text(encoding="utf-8"))
    (model / DONE).write_text(json.dumps(said | {"job": "1" * 16}), encoding="utf-8")
    return pack(model)


def said_as(model: Path, content: bytes) -> Path:
    (model / DONE).write_bytes(content)
    return pack(model)


BAD: list[tuple[str, Callable[[Path], Path], str]] = [
    ("truncated", truncate, "holds no whole result"),
    ("above", lambda model: pack(model, (entry("../evil"), b"evil")), "is no file of a result"),
    ("absolute", lambda model: pack(model, (entry("/evil"), b"evil")), "is no file of a result"),
    (
        "link",
        lambda model: pack(model, (entry("l", type=tarfile.SYMTYPE, linkname="../.."), b"")),
        "is no file of a result",
    ),
    (
        "hard",
        lambda model: pack(model, (entry("l", type=tarfile.LNKTYPE, linkname=DONE), b"")),
        "is no file of a result",
    ),
    ("device", lambda model: pack(model, (entry("d", type=tarfile.CHRTYPE), b"")), "is no file of a result"),
    ("more", lambda model: pack(model, (entry("other.bin"), b"data")), "'other.bin' is no file of a result"),
    ("twice", lambda model: pack(model, (entry(DONE), b"{}")), "holds no whole result"),
    (
        "claims a header of any size",
        lambda model: pack(model, (entry("l", type=tarfile.GNUTYPE_LONGNAME), bytes(2 << 20))),
        "a header of 2097152 bytes",
    ),
    (
        "folders without end",
        lambda model: pack(model, *[(entry(".", type=tarfile.DIRTYPE), b"")] * 2),
        "is no file of a result",
    ),
    ("deep", lambda model: said_as(model, b"[" * 200_000), "holds no whole result"),
    ("long-winded", lambda model: said_as(model, b" " * (1 << 20) + b"{}"), "more than 1,048,576 bytes"),
    ("incomplete", without, "holds no whole result"),
    ("damaged", damaged, "not as the job left them"),
    ("another job's", of_another_job, f"the result of job {'1' * 16}, not of {HASH}"),
]


@pytest.mark.parametrize(("make", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_archive_is_refused_and_what_stands_stays(
    model: Path, tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    layout = Layout(tmp_path / "ml")
    unpack(pack(model), layout, HASH)
    with pytest.raises(Spoiled, match=words):
        unpack(make(model), layout, HASH)
    assert layout.done()
    assert sorted(path.name for path in layout.model.iterdir()) == sorted((*FILES, DONE))
    assert sorted(path.name for path in layout.root.iterdir()) == ["model"]
    assert not list(tmp_path.rglob("evil"))


def test_an_archive_that_grows_without_end_is_refused(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result, "LIMIT", 1 << 20)
    (model / "history.csv").write_bytes(bytes(2 << 20))
    bomb = pack(model)
    assert bomb.stat().st_size < 1 << 19
    with pytest.raises(Spoiled, match="more than 1,048,576 bytes unpacked"):
        unpack(bomb, Layout(tmp_path / "ml"), HASH)
    assert not (tmp_path / "ml" / "model").exists()


def test_a_full_disk_is_no_fault_of_the_result(model: Path, tmp_path: Path) -> None:
    with (model / "model.safetensors").open("wb") as file:
        file.truncate(1 << 20)
    code = f"""
import resource, signal
from pathlib import Path
from slipway.compute.sagemaker.result import Spoiled, unpack
from slipway.errors import UserError
from slipway.training.layout import Layout
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
try:
    unpack(Path({str(pack(model))!r}), Layout(Path({str(tmp_path / "ml")!r})), {HASH!r})
except UserError as error:
    said = error
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # coverage writes its data at the end
assert not isinstance(said, Spoiled) and "the disk is full" in str(said), repr(said)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
