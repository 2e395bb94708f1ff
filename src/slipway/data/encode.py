"""Writes token ids as flat arrays, which readers map into memory."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from tokenizers import Tokenizer

from slipway.data.prepared import EncodedSplit, Meta, load_meta, load_rows, load_split  # noqa: F401
from slipway.data.rows import SPLITS, write_parquet
from slipway.data.tokenizer import pad_id, unknown_id
from slipway.files import write_json, write_whole

CHUNK = 4096  # texts at a time: the ids of all at once would be Python lists of gigabytes


def write_prepared(
    folder: Path, table: pd.DataFrame, tokenizer: Tokenizer, max_length: int, vectors: dict[str, float] | None = None
) -> Meta:
    """Write tokenizer.json, meta.json and the arrays and rows of each split into a folder that exists.

    `table` has the columns text, label, origin, fingerprint, split. Rows are ordered by fingerprint: mixed like
    shuffled ones, whatever the order of the source was.
    """
    labels = tuple(sorted(set(table["label"])))
    numbers = {label: number for number, label in enumerate(labels)}
    vocabulary: int = tokenizer.get_vocab_size()
    dtype: np.dtype[np.unsignedinteger] = np.dtype(np.uint16 if vocabulary <= 1 << 16 else np.uint32)
    content = hashlib.sha256()
    splits = {name: _ordered(table, name) for name in SPLITS}
    unknown = unknown_id(tokenizer)
    tokens, unknown_share, truncated = {}, {}, {}
    for name, rows in splits.items():
        ids, offsets, cut = encode(tokenizer, rows["text"].tolist(), dtype)
        tokens[name] = len(ids)
        truncated[name] = round(cut / len(rows), 6)
        unknown_share[name] = round(float((ids == unknown).mean()), 6) if unknown is not None else 0.0
        (folder / name).mkdir()
        save_array(folder / name / "tokens.npy", ids)
        save_array(folder / name / "offsets.npy", offsets)
        save_array(folder / name / "labels.npy", rows["label"].map(numbers).to_numpy(np.int64))
        write_parquet(folder / f"{name}.parquet", rows)
        for text, label in zip(rows["text"], rows["label"], strict=True):
            content.update(json.dumps([name, label, text]).encode())
    meta = Meta(
        labels=labels,
        vocab_size=vocabulary,
        max_length=max_length,
        pad_id=pad_id(tokenizer),
        unk_id=unknown,
        dtype=dtype.name,
        rows={name: len(rows) for name, rows in splits.items()},
        tokens=tokens,
        unknown_share=unknown_share,
        truncated_share=truncated,
        class_counts={
            name: {label: int((rows["label"] == label).sum()) for label in labels} for name, rows in splits.items()
        },
        data_sha256=content.hexdigest(),
        vectors=vectors,
    )
    write_whole(folder / "tokenizer.json", tokenizer.to_str(pretty=True) + "\n")
    write_json(folder / "meta.json", asdict(meta))
    return meta


def encode(
    tokenizer: Tokenizer, texts: Sequence[str], dtype: np.dtype[np.unsignedinteger]
) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.int64], int]:
    """Flat ids of all texts, the offsets of each (n + 1), and how many texts were longer than `max_length`."""
    parts = [np.zeros(0, dtype)]
    lengths = np.zeros(len(texts), np.int64)
    cut = 0
    for start in range(0, len(texts), CHUNK):
        encodings = tokenizer.encode_batch(texts[start : start + CHUNK])
        for row, encoding in enumerate(encodings, start):
            lengths[row] = len(encoding.ids)
            cut += bool(encoding.overflowing)
            parts.append(np.array(encoding.ids, dtype))
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return np.concatenate(parts), offsets, cut


def save_array(path: Path, array: npt.NDArray[np.generic]) -> None:
    """Write a .npy file; a full disk raises OSError with its errno, which numpy's own writing loses."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_whole(path, buffer.getvalue())


def _ordered(table: pd.DataFrame, split: str) -> pd.DataFrame:
    rows = table[table["split"] == split].sort_values("fingerprint", kind="stable")
    return rows[["text", "label", "origin"]].reset_index(drop=True)
