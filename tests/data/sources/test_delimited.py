"""Every way to get a delimited file wrong ends in words that name file and line."""

from pathlib import Path

import pytest

from slipway.data.sources.delimited import Format, read_bytes, records
from slipway.errors import UserError

PLAIN = Format()


def rows(data: bytes, shape: Format = PLAIN, columns: tuple[str, ...] = ("text", "label")) -> list:
    return list(records("file.csv", data, shape, list(columns)))


def test_records_carry_the_line_that_they_start_on():
    data = b'label,text\na,"one\ntwo"\nb,three\n'
    assert rows(data) == [(2, ["one\ntwo", "a"]), (4, ["three", "b"])]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_make_no_difference(end):
    assert rows(end.join([b"text,label", b"one,a", b"two,b", b""])) == [(2, ["one", "a"]), (3, ["two", "b"])]


def test_blank_lines_are_passed_over_and_counted():
    assert rows(b"text,label\n\none,a\n\n") == [(3, ["one", "a"])]


def test_a_byte_order_mark_is_no_part_of_the_first_column():
    assert rows("\ufefftext,label\none,a\n".encode()) == [(2, ["one", "a"])]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252", "latin-1", "utf-8"])
def test_the_encoding_is_what_the_configuration_says(encoding):
    data = "text,label\ncafé,a\n".encode(encoding)
    assert rows(data, Format(encoding=encoding)) == [(2, ["café", "a"])]


def test_a_headerless_file_takes_its_columns_from_the_configuration():
    shape = Format("\t", "none", names=("text", "label"))
    assert rows(b'5" of snow\ta\n"Frozen\tb\n', shape) == [(1, ['5" of snow', "a"]), (2, ['"Frozen', "b"])]


def test_a_text_may_be_of_any_length():
    (line, (text, _)) = rows(b"text,label\n" + b"x" * 10_000_000 + b",a\n")[0]
    assert (line, len(text)) == (2, 10_000_000)


@pytest.mark.parametrize(
    ("data", "shape", "message"),
    [
        (b"", PLAIN, r"file\.csv: the file is empty"),
        (b"\n \n", PLAIN, r"file\.csv: the file is empty"),
        (b"\xef\xbb\xbf\n", PLAIN, r"file\.csv: the file is empty"),
        (b"text,label\none,a\ncaf\xe9,b\n", PLAIN, r"file\.csv:3: byte 0xe9 is not utf-8.*data\.source\.encoding"),
        (
            "text,label\n".encode("utf-16"),
            Format(),
            r"its first bytes say utf-16, not utf-8: set data\.source\.encoding",
        ),
        ("text,label\n".encode("utf-32"), PLAIN, r"its first bytes say utf-32"),
        (b"text,label\n", Format(encoding="utf-16"), r"not utf-16"),
        (b"text,label\none,a\n", Format(encoding="undefined"), r"no text encoding 'undefined'"),
        (b"text,label\none,a\n", Format(encoding="utf\0"), r"no text encoding 'utf\\x00'"),
        (b"text,label\none,a\ntw\0o,b\n", PLAIN, r"file\.csv:3: holds a NUL byte"),
        ("text,label\none,a\n".encode("utf-16-le"), PLAIN, r"file\.csv:1: holds a NUL byte.*utf-16"),
        (b"text,label\none,a\n", Format(encoding="utf-88"), r"data\.source\.encoding: .* no text encoding 'utf-88'"),
        (
            b"text,label\none,a\n\\ud800 two,b\n",
            Format(encoding="unicode_escape"),
            r"file\.csv:3: holds '\\ud800', half of a character.*data\.source\.encoding .*unicode_escape",
        ),
        (b"text,label\none,a\n", Format(encoding="punycode"), r"file\.csv: is not punycode .*data\.source\.encoding"),
        (b"text,label\none,a\n", Format(encoding="base64"), r"no text encoding 'base64'"),
        (b"text,kind\none,a\n", PLAIN, r"file\.csv:1: there is no column 'label'; the columns are: 'text', 'kind'"),
        (b"text,label,text\n", PLAIN, r"file\.csv:1: the column 'text' stands there twice"),
        (b"one,a\n", Format(names=("text", "class")), r"data\.source\.names: there is no column 'label'"),
        (b"text;label\none;a\n", PLAIN, r"the columns are: 'text;label'.*data\.source\.delimiter"),
        (
            b"text,label\none,a\none, two,b\n",
            Format(),
            r"file\.csv:3: 3 fields where 2 columns are named \('text', 'label'\)",
        ),
        (b"text,label\none\n", PLAIN, r"file\.csv:2: 1 fields where 2"),
        (b'text,label\none,a\n"two,b\nthree,c\n', PLAIN, r"file\.csv:3: .*data\.source\.quoting=none"),
        (b'text,label\n"two"x,b\n', PLAIN, r"file\.csv:2: .*data\.source\.quoting=none"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(data, shape, message):
    with pytest.raises(UserError, match=message):
        rows(data, shape)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.csv is missing: .*data\.source\.files"):
        read_bytes(tmp_path / "nothing.csv")
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        read_bytes(Path(tmp_path))
