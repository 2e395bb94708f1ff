"""What prepare writes is what training reads."""

import json

import numpy as np
import pandas as pd
import pytest
from tests.data.conftest import tokenizer_config

from slipway.data.encode import CHUNK, encode, write_prepared
from slipway.data.fingerprint import fingerprint
from slipway.data.prepared import load_meta, load_rows, load_split
from slipway.data.tokenizer import build
from slipway.errors import UserError


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    texts = [f"text number {n} {'fox ' * (n % 7)}" for n in range(60)]
    return pd.DataFrame(
        {
            "text": texts,
            "label": [f"class {n % 3}" for n in range(60)],
            "origin": [f"x:{n}" for n in range(60)],
            "fingerprint": [fingerprint(text) for text in texts],
            "split": (["train"] * 3 + ["validation", "test"]) * 12,
        }
    )


@pytest.fixture(scope="module")
def tokenizer(table):
    return build(tokenizer_config("words", vocab_size=300, max_length=6, min_frequency=1), table["text"].tolist()[:30])


@pytest.fixture
def prepared(tmp_path, table, tokenizer):
    write_prepared(tmp_path, table, tokenizer, 6)
    return tmp_path


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_arrays_and_rows_of_a_split_agree(prepared, table, tokenizer, name):
    split, rows, meta = load_split(prepared, name), load_rows(prepared, name), load_meta(prepared)
    assert len(rows) == len(split.labels) == len(split.offsets) - 1 == meta.rows[name] == (table["split"] == name).sum()
    for number, (text, label) in enumerate(zip(rows["text"], rows["label"], strict=True)):
        ids = split.tokens[split.offsets[number] : split.offsets[number + 1]]
        assert ids.tolist() == tokenizer.encode(text).ids
        assert meta.labels[split.labels[number]] == label
    assert sorted(rows["origin"]) == sorted(table.loc[table["split"] == name, "origin"])


def test_arrays_are_mapped_not_read(prepared):
    split = load_split(prepared, "train")
    assert isinstance(split.tokens, np.memmap)
    assert split.tokens.dtype == np.uint16
    assert split.offsets.dtype == split.labels.dtype == np.int64


def test_meta_says_what_a_model_must_know(prepared, tokenizer):
    meta = load_meta(prepared)
    assert meta.labels == ("class 0", "class 1", "class 2")
    assert (meta.vocab_size, meta.max_length, meta.pad_id, meta.unk_id) == (tokenizer.get_vocab_size(), 6, 0, 1)
    assert sum(meta.class_counts["train"].values()) == meta.rows["train"] == 36
    assert meta.tokens["test"] == len(load_split(prepared, "test").tokens)
    assert 0 < meta.truncated_share["train"] < 1
    assert 0 < meta.unknown_share["test"] < 1


def test_rows_are_mixed_whatever_the_order_of_the_source(tmp_path, table, tokenizer):
    for name, rows in {"one": table.sort_values("label"), "two": table.sort_values("text")}.items():
        (tmp_path / name).mkdir()
        write_prepared(tmp_path / name, rows, tokenizer, 6)
    one, two = (
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two
    assert len(set(load_split(tmp_path / "one", "train").labels[:10].tolist())) > 1


def test_the_hash_of_the_data_tells_of_every_change(tmp_path, table, tokenizer):
    hashes = set()
    for number, rows in enumerate(
        (table, table[1:], table.assign(label=table["label"].str.upper()), table.assign(text=table["text"] + "."))
    ):
        (tmp_path / str(number)).mkdir()
        hashes.add(write_prepared(tmp_path / str(number), rows, tokenizer, 6).data_sha256)
    assert len(hashes) == 4


def test_large_vocabularies_take_wider_ids(tmp_path, table):
    texts = [" ".join(f"w{n * 100 + m}" for m in range(100)) for n in range(700)]
    large = build(tokenizer_config("words", vocab_size=80_000, max_length=200, min_frequency=1), texts)
    write_prepared(tmp_path, table.assign(text=[texts[-1 - n] for n in range(60)]), large, 200)
    tokens = load_split(tmp_path, "train").tokens
    assert tokens.dtype == np.uint32
    assert tokens.max() > 65_535


def test_encoding_more_than_a_chunk_keeps_the_order(tokenizer):
    texts = [f"text number {n % 40}" for n in range(CHUNK + 10)]
    ids, offsets, cut = encode(tokenizer, texts, np.dtype(np.uint16))
    assert ids[offsets[-2] :].tolist() == tokenizer.encode(texts[-1]).ids
    assert (len(offsets), cut) == (CHUNK + 11, 0)


def test_encoding_nothing_gives_nothing(tokenizer):
    ids, offsets, cut = encode(tokenizer, [], np.dtype(np.uint16))
    assert (ids.tolist(), offsets.tolist(), cut) == ([], [0], 0)


@pytest.mark.parametrize(
    "read", [load_meta, lambda folder: load_split(folder, "train"), lambda f: load_rows(f, "train")]
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(tmp_path, read):
    with pytest.raises(UserError, match=r"is missing: `dvc repro prepare`"):
        read(tmp_path)


def test_meta_is_plain_json(prepared):
    assert json.loads((prepared / "meta.json").read_text())["rows"] == {"train": 36, "validation": 12, "test": 12}
