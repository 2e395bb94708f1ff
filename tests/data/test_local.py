"""A file that the user brings is one that `dvc repro` sees change, or the user hears that it is not."""

from pathlib import Path

import pytest

from slipway.data.local import local_file, warn_where_unseen
from slipway.errors import UserError
from slipway.files import sha256


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "local").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)


def test_a_file_in_data_local_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/local/a.csv").write_text("x")
    assert local_file("data/local/a.csv", None, "data.source.files", "data.source.sha256.train").is_file()
    assert capsys.readouterr().err == ""


def test_a_file_elsewhere_without_a_checksum_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("x")
    local_file("a.csv", None, "data.source.files", "data.source.sha256.train")
    warning = capsys.readouterr().err
    assert "a.csv is not in data/local" in warning
    assert "data.source.sha256.train" in warning


def test_a_file_elsewhere_with_its_checksum_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text("x")
    local_file("a.csv", sha256(Path("a.csv")), "data.source.files", "data.source.sha256.train")
    assert capsys.readouterr().err == ""


def test_a_file_that_a_queued_experiment_left_behind_is_to_be_committed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path("data/local/a.csv").write_text("x")
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    with pytest.raises(UserError, match=r"a\.csv is missing: a queued .*git add data/local/a\.csv`.*then queue again"):
        local_file("data/local/a.csv", None, "data.source.files", "data.source.sha256.train")
    with pytest.raises(
        UserError, match=r"b\.csv is missing: put the file there, or name another in data\.source\.files"
    ):
        local_file("data/local/b.csv", None, "data.source.files", "data.source.sha256.train")


def test_a_folder_is_called_a_folder() -> None:
    with pytest.raises(UserError, match=r"data/local is a folder: name a file in data\.source\.files"):
        local_file("data/local", None, "data.source.files", "data.source.sha256.train")


def test_another_checksum_is_refused() -> None:
    Path("a.csv").write_text("x")
    with pytest.raises(UserError, match=r"a\.csv: its SHA-256 is 2d711642.*data\.source\.sha256\.train says 00"):
        local_file("a.csv", "0" * 64, "data.source.files", "data.source.sha256.train")


def test_a_folder_elsewhere_is_told_of_and_one_in_data_local_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    for folder in (Path("bert"), Path("data/local/bert")):
        folder.mkdir()
        warn_where_unseen(folder, "move it there")
    assert capsys.readouterr().err == (
        "warning: bert is not in data/local, so `dvc repro` does not see when it changes: move it there.\n"
    )
