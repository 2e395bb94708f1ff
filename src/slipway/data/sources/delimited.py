"""Delimited text files: every row with the line it starts on, and every fault with its place."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slipway.data.quote import listed, quoted
from slipway.errors import UserError

# (byte order mark, the encodings that it announces); the longer marks first, since one begins like another
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# NUL, and the halves of a character (lone surrogates), which no Unicode text has
NO_TEXT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Format:
    """How a file is written; `names` None means that its first line names the columns."""

    delimiter: str = ","
    quoting: str = "standard"
    encoding: str = "utf-8"
    names: tuple[str, ...] | None = None


def read_bytes(path: Path) -> bytes:
    """The bytes of a file. Raises UserError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: put the file there, or name another in data.source.files.") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error


def records(path: str, data: bytes, shape: Format, columns: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield (line from 1, values of `columns`) for each record of a file's `data`; `path` is what errors call it.

    Raises UserError, naming file and line, for a file that is empty or not text in this encoding, for a NUL byte, a
    missing column, a record with another number of fields, a quote that never closes.
    """
    reader = _parse(path, decode(path, data, shape.encoding), shape)
    names = list(shape.names) if shape.names is not None else None
    if names is None:
        _, header = next(reader)  # there is one, since the file is not blank
        names = [name.strip() for name in header]
    places = [_place(path, names, column, shape) for column in columns]
    for line, fields in reader:
        if len(fields) != len(names):
            raise UserError(
                f"{path}:{line}: {len(fields)} fields where {len(names)} columns are named ({_shown(names)}). Mend the "
                f"row, or set data.source.delimiter (it is {shape.delimiter!r}) or data.source.quoting "
                f"(it is {shape.quoting})."
            )
        yield line, [fields[place] for place in places]


def decode(path: str, data: bytes, encoding: str) -> str:
    """The text of a file's `data`, without a byte order mark.

    Raises UserError, naming the line of the first wrong byte, for what is not text in this encoding.
    """
    try:
        known = codecs.lookup(encoding).name
        "".encode(encoding)
    # ValueError: a name with a NUL byte, and "undefined", which encodes nothing
    except (LookupError, ValueError) as error:
        raise UserError(f"data.source.encoding: Python knows no text encoding {encoding!r}; try utf-8.") from error
    announced = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if announced and not known.startswith(announced):
        raise UserError(
            f"{path}: its first bytes say {announced}, not {encoding}: set data.source.encoding={announced}."
        )
    try:
        text = data.decode("utf-8-sig" if known == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}:{line}: byte 0x{data[error.start]:02x} is not {encoding}. Save the file as UTF-8, or set "
            "data.source.encoding to what it is (cp1252 is usual for files from Windows)."
        ) from error
    except UnicodeError as error:  # punycode and idna name no byte
        raise UserError(f"{path}: is not {encoding} ({error}). Set data.source.encoding to what it is.") from error
    if not text.strip():
        raise UserError(f"{path}: the file is empty.")
    if bad := NO_TEXT.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        if bad[0] != "\0":
            raise UserError(
                f"{path}:{line}: holds {bad[0]!r}, half of a character, which no text has. Remove it, or set "
                f"data.source.encoding to what the file is (it is {encoding})."
            )
        raise UserError(
            f"{path}:{line}: holds a NUL byte, which no text has. Remove it; if the whole file is full of them, set "
            "data.source.encoding=utf-16."
        )
    return text


def _parse(path: str, text: str, shape: Format) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(2**31 - 1)  # a row of 10 MB is for the checks to judge, who can name it
    plain = shape.quoting == "none"
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=shape.delimiter,
        quoting=csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL,
        strict=True,
    )
    start = 1
    try:
        for fields in reader:
            if fields:
                yield start, fields
            start = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}:{start}: {error}. A quote opens here that does not close as it should: mend the row, or set "
            "data.source.quoting=none where quotes are characters like any other."
        ) from error


def _place(path: str, names: list[str], column: str, shape: Format) -> int:
    if names.count(column) == 1:
        return names.index(column)
    fault = f"the column {column!r} stands there twice" if column in names else f"there is no column {column!r}"
    where = "data.source.names" if shape.names is not None else f"{path}:1"
    raise UserError(
        f"{where}: {fault}; the columns are: {_shown(names)}. Set "
        "data.source.columns (and data.source.delimiter, or data.source.names for a file without a header)."
    )


def _shown(names: list[str]) -> str:
    return listed([quoted(name) for name in names])
