"""Clean and split the rows, train the tokenizer, encode: writes data/prepared."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from slipway.config import resolved
from slipway.config.data import Clean, Split
from slipway.config.tokenizer import TokenizerConfig, Vectors
from slipway.data import tokenizer, vectors
from slipway.data.clean import clean
from slipway.data.encode import save_array, write_prepared
from slipway.data.prepared import Meta
from slipway.data.rows import SPLITS, read_raw
from slipway.data.split import assign
from slipway.files import whole_folder

RAW = Path("data/raw")
PREPARED = Path("data/prepared")


def run() -> None:
    """The tokenizer and the word vectors are fitted to the training rows alone."""
    config: TokenizerConfig = resolved.read("model.tokenizer", TokenizerConfig)
    source: Vectors | None = resolved.read("model.vectors", Vectors | None)
    cleaned = clean(read_raw(RAW), resolved.read("data.clean", Clean))
    table = cleaned.table.assign(split=assign(cleaned.table, resolved.read("data.split", Split)))
    trained = tokenizer.build(config, table.loc[table["split"] == "train", "text"].tolist())
    with whole_folder(PREPARED) as folder:
        covered = None
        if source is not None:
            values, share = vectors.read(source, trained)
            save_array(folder / "vectors.npy", values)
            covered = {"width": values.shape[1], "found": int(np.any(values, axis=1).sum()), "share": round(share, 6)}
        meta = write_prepared(folder, table, trained, config.max_length, covered)
    _print(meta)


def _print(meta: Meta) -> None:
    table = Table("split", title=f"{len(meta.labels)} classes, {meta.vocab_size:,} tokens in the vocabulary")
    for heading in ("rows", "tokens", "unknown", "cut at max_length"):
        table.add_column(heading, justify="right")
    for name in SPLITS:
        table.add_row(
            name,
            f"{meta.rows[name]:,}",
            f"{meta.tokens[name]:,}",
            f"{meta.unknown_share[name]:.2%}",
            f"{meta.truncated_share[name]:.2%}",
        )
    console = Console()
    console.print(table)
    if meta.vectors is not None:
        console.print(f"word vectors: {meta.vectors['share']:.1%} of the vocabulary's words found")
