"""Damaged files between the stages are named, with the command that writes them anew."""

import shutil

import numpy as np
import pytest

from slipway.data.prepared import load_meta, load_rows, load_split
from slipway.data.rows import Raw, Row, read_facts, read_raw, write_raw
from slipway.errors import UserError

RAW = Raw([Row("one", "a", None, "x:2")], {"from": "somewhere"})


@pytest.fixture
def broken(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "prepared")


@pytest.mark.parametrize("content", [b"", b"\x00\xff not this", "half"])
@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("meta.json", load_meta),
        ("test/tokens.npy", lambda folder: load_split(folder, "test")),
        ("test/offsets.npy", lambda folder: load_split(folder, "test")),
        ("test/labels.npy", lambda folder: load_split(folder, "test")),
        ("test.parquet", lambda folder: load_rows(folder, "test")),
    ],
)
def test_a_damaged_file_of_prepare_is_named(broken, name, load, content):
    path = broken / name
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if content == "half" else content)
    with pytest.raises(UserError, match=r"is damaged \(.+\): `dvc repro -f -s prepare` writes it anew") as caught:
        load(broken)
    assert str(caught.value).startswith(f"{path} is damaged")


@pytest.mark.parametrize("content", ["[]", "{}", '{"labels": null}', '{"labels": [], "unknown": 1}'])
def test_json_of_another_shape_is_damage(broken, content):
    (broken / "meta.json").write_text(content)
    with pytest.raises(UserError, match=r"meta\.json is damaged"):
        load_meta(broken)


def test_arrays_that_do_not_fit_each_other_are_damage(broken):
    np.save(broken / "test" / "labels.npy", np.zeros(3, np.int64))
    with pytest.raises(UserError, match=r"offsets\.npy is damaged \(it does not fit"):
        load_split(broken, "test")


def test_a_pickle_is_not_loaded(broken):
    np.save(broken / "test" / "labels.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(UserError, match=r"labels\.npy is damaged"):
        load_split(broken, "test")


@pytest.mark.parametrize("name", ["test/tokens.npy", "test.parquet", "meta.json"])
def test_a_missing_file_is_named(broken, name):
    (broken / name).unlink()
    with pytest.raises(UserError, match=r"is missing: `dvc repro prepare`"):
        load_meta(broken), load_split(broken, "test"), load_rows(broken, "test")


@pytest.mark.parametrize(("name", "read"), [("rows.parquet", read_raw), ("source.json", read_facts)])
@pytest.mark.parametrize("content", ["", "[]", "half of {"])
def test_a_damaged_file_of_fetch_is_named(tmp_path, name, read, content):
    write_raw(tmp_path, RAW)
    read(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=rf"{name} is damaged \(.+\): `dvc repro -f -s fetch` writes it anew"):
        read(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match=r"is missing: `dvc repro fetch`"):
        read(tmp_path)
