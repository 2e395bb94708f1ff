"""Rows from csv files: columns, labels and official splits as the configuration says."""

import hashlib
import json

import pytest

from slipway.config.data import DataConfig
from slipway.data.rows import Row
from slipway.data.sources.labelled_csv import bring
from slipway.data.sources.read import read
from slipway.errors import UserError

TEXTS = "text,label,part\none, a ,Train\ntwo,b,valid\nthree,a,TEST\n"


@pytest.fixture
def source(configure):
    def build(name="csv", **values):
        values = {f"source__{key}": value for key, value in values.items()}
        return DataConfig.model_validate_json(json.dumps(configure(name, **values))).source

    return build


def test_one_file_alone_has_no_official_split(project, source):
    project.write(TEXTS)
    assert read(source()).rows == [
        Row("one", "a", None, "texts.csv:2"),
        Row("two", "b", None, "texts.csv:3"),
        Row("three", "a", None, "texts.csv:4"),
    ]


def test_an_official_split_by_column(project, source):
    project.write(TEXTS)
    assert [row.split for row in read(source(columns__split="part")).rows] == ["train", "validation", "test"]


def test_an_official_split_by_files(project, source):
    for name in ("train", "dev", "test"):
        project.write(f"text,label\n{name},a\n", f"{name}.csv")
    rows = read(source(files__train="train.csv", files__validation="dev.csv", files__test="test.csv")).rows
    assert [(row.text, row.split, row.origin) for row in rows] == [
        ("train", "train", "train.csv:2"),
        ("dev", "validation", "dev.csv:2"),
        ("test", "test", "test.csv:2"),
    ]


def test_files_of_one_name_are_told_apart_by_their_folders(project, source):
    for name in ("train", "test"):
        project.write("text,label\nx,a\n", f"{name}/rows.csv")
    rows = read(source(files__train="train/rows.csv", files__test="test/rows.csv")).rows
    assert [row.origin for row in rows] == ["train/rows.csv:2", "test/rows.csv:2"]


def test_labels_are_renamed_by_the_map(project, source):
    project.write(TEXTS)
    assert [row.label for row in read(source(labels={"a": "alpha", "b": "beta"})).rows] == ["alpha", "beta", "alpha"]


def test_a_url_is_downloaded(project, source, server):
    server.content = TEXTS.encode()
    raw = read(source(files__train=server.url, sha256__train=hashlib.sha256(server.content).hexdigest()))
    assert [row.origin for row in raw.rows] == ["texts.csv:2", "texts.csv:3", "texts.csv:4"]
    assert raw.facts["files"]["train"] == {"from": server.url, "sha256": hashlib.sha256(server.content).hexdigest()}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"labels": {"a": "alpha"}},
            r"data/local/texts\.csv:3: column label: the label 'b' is not in data\.source\.labels",
        ),
        ({"columns__split": "label"}, r"data/local/texts\.csv:2: column label: ' a ' is no split; write train, "),
        ({"columns__text": "words"}, r"data/local/texts\.csv:1: there is no column 'words'"),
        ({"sha256__train": "0" * 64}, r"its SHA-256 is [0-9a-f]{64}, data\.source\.sha256\.train says 0000"),
        ({"files__train": "data/local/other.csv"}, r"data/local/other\.csv is missing"),
        ({"files__test": "data/local/texts.csv", "columns__split": "part"}, r"columns\.split or by files, not by both"),
    ],
)
def test_what_does_not_fit_is_named(project, source, values, message):
    project.write(TEXTS)
    with pytest.raises(UserError, match=message):
        read(source(**values))


def test_a_local_file_with_the_right_checksum_is_taken(project):
    path = project.write(TEXTS)
    assert bring("data/local/texts.csv", hashlib.sha256(path.read_bytes()).hexdigest(), "key").samefile(path)


def test_banking77_has_77_classes_and_its_official_split(project, source, banking77):
    files = {f"files__{split}": str(banking77 / f"{split}.csv") for split in ("train", "test")}
    raw = read(source("banking77", **files))
    assert len({row.label for row in raw.rows}) == 77
    assert [sum(row.split == split for row in raw.rows) for split in ("train", "test")] == [10_003, 3_080]


def test_the_uci_files_need_a_few_keys_only(project, source, uci_news):
    raw = read(
        source(
            files__train=str(uci_news / "train.txt"),
            files__validation=str(uci_news / "valid.txt"),
            files__test=str(uci_news / "test.txt"),
            names=["text", "label"],
            delimiter="\t",
            quoting="none",
        )
    )
    assert [sum(row.split == split for row in raw.rows) for split in ("train", "validation", "test")] == [
        10_684,
        1_336,
        1_336,
    ]
    assert {row.label for row in raw.rows} == {"b", "e", "m", "t"}
    assert any('"' in row.text for row in raw.rows)
