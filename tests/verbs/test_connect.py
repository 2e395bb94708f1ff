"""`slipway connect` lets DVC use the project's remote, and believe it nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from slipway.__main__ import main


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with DVC's folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True)
    return tmp_path


def test_dvc_knows_the_remote_and_verifies_what_it_gives(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / ".dvc" / "config.local").write_text("[cache]\n    type = copy\n", encoding="utf-8")
    monkeypatch.setenv("SLIPWAY_DVC_REMOTE", "s3://bucket/dvc")
    assert main(["connect"]) == 0
    assert main(["connect"]) == 0
    told = subprocess.run([sys.executable, "-m", "dvc", "config", "--list"], capture_output=True, text=True, check=True)
    assert set(told.stdout.split()) >= {
        "core.remote=aws",
        "remote.aws.url=s3://bucket/dvc",
        "remote.aws.verify=true",
        "cache.type=copy",
    }


@pytest.mark.parametrize("url", ["", "https://example.org/dvc", "s3://bucket/a folder"])
def test_an_address_that_is_none_of_s3s_is_refused(
    url: str, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLIPWAY_DVC_REMOTE", url)
    assert main(["connect"]) == 2
    assert "SLIPWAY_DVC_REMOTE" in capsys.readouterr().err
    assert not (checkout / ".dvc" / "config.local").exists()


def test_outside_of_a_checkout_it_says_where_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLIPWAY_DVC_REMOTE", "s3://bucket/dvc")
    assert main(["connect"]) == 2
    assert "run this in the root of a checkout" in capsys.readouterr().err
