"""The image's `train` unpacks the code of a job and becomes the process that trains; it writes nowhere else."""

import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ROOT / "docker" / "train"
LAUNCH = "slipway/training/launch.py"
PACKAGES = ["slipway/__init__.py", "slipway/training/__init__.py"]
SAYS = "import os, sys\nprint(os.getpid(), *sys.argv[1:], __file__)\n"
WAITS = "import os, signal\nprint(os.getpid(), flush=True)\nprint('got', signal.sigwait([signal.SIGTERM]))\n"
BLOCKS = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def tarball(root: Path, launch: str = SAYS, extra: tuple[tarfile.TarInfo, ...] = ()) -> Path:
    """The code channel of a job whose source is `launch`, and perhaps something that no source has."""
    with tarfile.open(channel(root), "w:gz") as archive:
        for name in (*PACKAGES, LAUNCH):
            info = member(name)
            info.size = len(launch) if name == LAUNCH else 0
            archive.addfile(info, io.BytesIO(launch.encode()))
        for info in extra:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return channel(root)


def channel(root: Path) -> Path:
    path = root / "input" / "data" / "code" / "source.tar.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def start(root: Path, *words: str) -> subprocess.Popen[str]:
    """Starts the script as an image does, with a place of its own for what is temporary."""
    (root / "tmp").mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, TRAIN, *words],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"TMPDIR": str(root / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def refused(root: Path) -> str:
    """Why the job could not be started."""
    process = start(root, str(root))
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 2, said
    reason = (root / "output" / "failure").read_text()
    assert said == f"error: {reason}\n"
    return reason


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@pytest.mark.parametrize("words", [[], ["train"]])
def test_the_process_becomes_the_one_that_trains(tmp_path: Path, words: list[str]) -> None:
    tarball(tmp_path)
    process = start(tmp_path, *words, str(tmp_path))
    number, root, code = process.communicate(timeout=60)[0].split()
    assert (int(number), root, process.returncode) == (process.pid, str(tmp_path), 0)
    unpacked = str(tmp_path / "tmp" / "slipway-")
    assert code.startswith(unpacked), "it did not run the code of the job"


def test_a_signal_reaches_what_trains(tmp_path: Path) -> None:
    tarball(tmp_path, BLOCKS + WAITS)
    process = start(tmp_path, str(tmp_path))
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0] == f"got {int(signal.SIGTERM)}\n"


def test_checkpoints_that_come_as_an_input_are_where_training_writes_them(tmp_path: Path) -> None:
    tarball(tmp_path, "import pathlib, sys\n(pathlib.Path(sys.argv[1]) / 'checkpoints' / 'step').mkdir()\n")
    mounted = tmp_path / "input" / "data" / "checkpoints"
    mounted.mkdir()
    for step in ("first", "second"):
        assert start(tmp_path, str(tmp_path)).wait(timeout=60) == 0
        (mounted / "step").rename(mounted / step)


def test_checkpoints_that_are_mounted_stay(tmp_path: Path) -> None:
    tarball(tmp_path)
    for folder in ("checkpoints/step", "input/data/checkpoints"):
        (tmp_path / folder).mkdir(parents=True)
    assert start(tmp_path, str(tmp_path)).wait(timeout=60) == 0
    assert (tmp_path / "checkpoints" / "step").is_dir()


@pytest.mark.slow
def test_the_source_of_this_project_trains(job_of: Callable[..., Any], make_layout: Callable[..., Any]) -> None:
    layout = make_layout(job_of(epochs=1))
    with tarfile.open(channel(layout.root), "w:gz") as archive:
        for path in sorted((ROOT / "src" / "slipway").rglob("*.py")):
            archive.add(path, path.relative_to(ROOT / "src").as_posix())
    process = start(layout.root, str(layout.root))
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said
    assert "model.safetensors" in files(layout.model)


def test_a_missing_tarball_is_named(tmp_path: Path) -> None:
    assert "No such file or directory" in (reason := refused(tmp_path))
    assert "input/data/code/source.tar.gz" in reason


def cut(data: bytes) -> bytes:
    return data[:-4]


def changed(data: bytes) -> bytes:
    """Other code under the old checksum."""
    content = gzip.decompress(data)
    return gzip.compress(content.replace(b"getpid", b"getgid"))[:-8] + data[-8:]


@pytest.mark.parametrize("damage", [cut, changed, lambda _: b"", lambda _: b"<html>", lambda _: gzip.compress(b"x")])
def test_a_damaged_tarball_starts_nothing(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tarball(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert refused(tmp_path).startswith("training could not be started: ")


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (member("slipway/../../outside"), "not below slipway/"),
        (member("../slipway/outside"), "not below slipway/"),
        (member("OUTSIDE"), "not below slipway/"),
        (member("torch.py"), "not below slipway/"),
        (member("slipway/link", tarfile.SYMTYPE, "/etc/passwd"), "a link or a device"),
        (member("slipway/link", tarfile.LNKTYPE, LAUNCH), "a link or a device"),
        (member("slipway/null", tarfile.CHRTYPE), "a link or a device"),
        (member("slipway/pipe", tarfile.FIFOTYPE), "a link or a device"),
        (member(LAUNCH), "File exists"),
    ],
)
def test_what_no_source_has_is_refused_and_nothing_written_outside(
    tmp_path: Path, info: tarfile.TarInfo, why: str
) -> None:
    root = tmp_path / "ml"
    if info.name == "OUTSIDE":
        info.name = str(tmp_path / "outside")
    tarball(root, extra=(info,))
    assert why in refused(root)
    written = [name for name in files(tmp_path) if not name.startswith("ml/tmp/slipway-")]
    assert written == ["ml/input/data/code/source.tar.gz", "ml/output/failure"]
    (code,) = (root / "tmp").iterdir()
    assert files(code) == [*PACKAGES, LAUNCH]


def test_an_archive_without_end_is_refused(tmp_path: Path) -> None:
    large = member("slipway/large")
    large.size = 65 << 20
    tarball(tmp_path, extra=(large,))
    assert "more than 67,108,864 bytes unpacked" in refused(tmp_path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with tarfile.open(channel(tmp_path), "w:gz") as archive:
        archive.addfile(member("slipway/__init__.py"))
    assert f"it has no {LAUNCH}" in refused(tmp_path)


def test_the_image_can_run_it() -> None:
    assert os.access(TRAIN, os.X_OK)
    assert TRAIN.read_text().startswith("#!/usr/bin/env python3\n")
