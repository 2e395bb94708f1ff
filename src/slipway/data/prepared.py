"""Reads what `prepare` wrote: token ids in flat arrays, mapped into memory, and the rows they came from."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from slipway.files import read_json, written_by

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Meta:
    """What a model must know of the data it is built for. `labels[i]` is the name of class i."""

    labels: tuple[str, ...]
    vocab_size: int
    max_length: int
    pad_id: int
    unk_id: int | None
    dtype: str
    rows: dict[str, int]
    tokens: dict[str, int]
    unknown_share: dict[str, float]
    truncated_share: dict[str, float]
    class_counts: dict[str, dict[str, int]]
    data_sha256: str
    vectors: dict[str, float] | None = None


@dataclass(frozen=True)
class EncodedSplit:
    """Row i has the ids `tokens[offsets[i]:offsets[i + 1]]` and the class `labels[i]`.

    A trained tokenizer gives each row at least one token.
    """

    tokens: npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]


def load_meta(prepared: Path) -> Meta:
    """What prepare wrote of the data. Raises UserError where it is missing or damaged."""
    path = prepared / "meta.json"
    value = read_json(path, "prepare")
    with written_by("prepare", path):
        return Meta(**value | {"labels": tuple(value["labels"])})


def load_split(prepared: Path, name: str) -> EncodedSplit:
    """The arrays of a split, mapped into memory. Raises UserError where they are missing or damaged."""
    tokens, offsets, labels = (_load(prepared / name / f"{part}.npy") for part in ("tokens", "offsets", "labels"))
    with written_by("prepare", prepared / name / "offsets.npy"):
        if len(offsets) != len(labels) + 1 or offsets[-1] != len(tokens):
            raise ValueError("it does not fit tokens.npy and labels.npy beside it")
    return EncodedSplit(tokens, offsets, labels)


def load_rows(prepared: Path, name: str) -> "pd.DataFrame":
    """Texts, labels and origins of a split, row for row as in the arrays.

    Raises UserError where they are missing or damaged.
    """
    import pandas as pd  # half a second, which every command that only asks for a job would wait

    path = prepared / f"{name}.parquet"
    with written_by("prepare", path):
        return pd.read_parquet(path, columns=["text", "label", "origin"])


def load_tokenizer(prepared: Path) -> Tokenizer:
    """The tokenizer that encoded the rows. Raises UserError where it is missing or damaged."""
    path = prepared / "tokenizer.json"
    with written_by("prepare", path):
        return Tokenizer.from_str(path.read_text(encoding="utf-8"))


def _load(path: Path) -> Any:
    with written_by("prepare", path):
        # an array of objects would be a pickle, which could run anything
        return np.load(path, mmap_mode="r", allow_pickle=False)
