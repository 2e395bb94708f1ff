"""Rows of delimited files, local or by URL, with their labels and official split."""

from pathlib import Path, PurePosixPath

from slipway.config.data import Banking77, Checksums, Columns, Csv, Files
from slipway.data.download import download, split_url
from slipway.data.local import local_file
from slipway.data.quote import listed, quoted
from slipway.data.rows import SPLITS, Raw, Row
from slipway.data.sources.delimited import Format, read_bytes, records
from slipway.errors import UserError
from slipway.files import sha256

SPLIT_NAMES = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("validation", "valid", "val", "dev"), "validation"
)


def read_csv(config: Csv) -> Raw:
    """The rows of a csv source. Raises UserError, naming file and row, for whatever does not fit the configuration."""
    shape = Format(config.delimiter, config.quoting, config.encoding, config.names)
    return _read(config.files, config.sha256, shape, config.columns, config.labels, {})


def read_banking77(config: Banking77) -> Raw:
    """The rows of Banking77, as its authors publish them."""
    facts = {"licence": "CC BY 4.0", "by": "Casanueva et al. 2020, https://aclanthology.org/2020.nlp4convai-1.5"}
    columns = Columns(text="text", label="category", split=None)
    return _read(config.files, config.sha256, Format(), columns, {}, facts)


def _read(
    files: Files, sums: Checksums, shape: Format, columns: Columns, labels: dict[str, str], facts: dict[str, str]
) -> Raw:
    given = {split: getattr(files, split) for split in SPLITS if getattr(files, split) is not None}
    if columns.split is not None and len(given) > 1:
        raise UserError("data.source: give an official split by columns.split or by files, not by both.")
    rows: list[Row] = []
    sources = {}
    names = _names(given)
    for split, address in given.items():
        path = bring(address, getattr(sums, split), f"data.source.sha256.{split}")
        sources[split] = {"from": address, "sha256": sha256(path)}
        wanted = [columns.text, columns.label, *([columns.split] if columns.split else [])]
        before = len(rows)
        for line, (text, label, *rest) in records(address, read_bytes(path), shape, wanted):
            where = f"{address}:{line}"
            official = _official(rest[0], where, columns.split) if rest else (split if len(given) > 1 else None)
            rows.append(Row(text, _label(label, labels, where, columns.label), official, f"{names[split]}:{line}"))
        if len(rows) == before:
            raise UserError(f"{address}: holds no row below its header. Is the file complete?")
    return Raw(rows, facts | {"files": sources})


def bring(address: str, checksum: str | None, key: str) -> Path:
    """The local path of a file given by path or URL, its checksum verified. Raises UserError."""
    if "://" in address:
        return download(address, checksum, key)
    return local_file(address, checksum, "data.source.files", key)


def _names(given: dict[str, str]) -> dict[str, str]:
    """What the files are called in `origin`: the name alone where that says which."""
    paths = {split: split_url(address).path if "://" in address else address for split, address in given.items()}
    short = {split: PurePosixPath(path).name for split, path in paths.items()}
    return short if len(set(short.values())) == len(short) else given


def _label(value: str, labels: dict[str, str], where: str, column: str) -> str:
    label = value.strip()
    if labels and label not in labels:
        raise UserError(
            f"{where}: column {column}: the label {quoted(label)} is not in data.source.labels "
            f"({listed(list(labels))}). Mend the row, or add the label there."
        )
    return labels.get(label, label)


def _official(value: str, where: str, column: str | None) -> str:
    split = SPLIT_NAMES.get(value.strip().lower())
    if split is None:
        raise UserError(f"{where}: column {column}: {quoted(value)} is no split; write train, validation or test.")
    return split
