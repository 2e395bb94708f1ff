"""fetch, validate, prepare as a person runs them: what they write, and what bad input does."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from slipway.data.prepared import load_meta, load_rows, load_split
from slipway.data.profile import load

ROOT = Path(__file__).resolve().parents[2]
WORDS = ["fox", "dog", "cat", "sun", "sea", "sky"]
STAGES = ("fetch", "validate", "prepare")


def good_csv(rows: int = 120, seed: int = 0) -> str:
    draw = np.random.default_rng(seed)
    lines = ["text,label"]
    for n in range(rows):
        lines.append(f"row {n} {' '.join(draw.choice(WORDS, 8))},{'ab'[n % 2]}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def good(project):
    """A project whose stages have run well."""
    project.configure()
    project.write(good_csv())
    assert project.run(*STAGES) == 0
    return project


def test_the_stages_make_what_training_reads(good):
    meta = load_meta(good.folder / "data/prepared")
    assert meta.labels == ("a", "b")
    assert sum(meta.rows.values()) == 120
    assert len(load_split(good.folder / "data/prepared", "train").labels) == meta.rows["train"]
    assert sorted(path for path in good.files() if not path.startswith("data/prepared")) == [
        "data/local/texts.csv",
        "data/raw/rows.parquet",
        "data/raw/source.json",
        "reports/data.html",
        "reports/data_profile.json",
        "resolved.yaml",
    ]


def test_the_report_names_the_files_that_the_rows_came_from(good):
    assert "120 rows from data/local/texts.csv" in good.files()["reports/data.html"].decode()


def test_two_folders_get_the_same_bytes(tmp_path, monkeypatch, good):
    (tmp_path / "other").mkdir()
    before = good.files()
    other = type(good)(tmp_path / "other")
    monkeypatch.chdir(other.folder)
    other.configure()
    other.write(good_csv())
    assert other.run(*STAGES) == 0
    assert other.files() == before


def test_two_processes_get_the_same_bytes(good):
    before = good.files()
    imports = "import sys; from slipway.__main__ import main"
    code = f"{imports}; sys.exit(max(main([v]) for v in sys.argv[1:]))"
    env = os.environ | {"PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", code, *STAGES], env=env, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert good.files() == before


def test_running_again_replaces_and_leaves_nothing_behind(good):
    good.write(good_csv(rows=200))
    assert good.run(*STAGES) == 0
    assert sum(load_meta(good.folder / "data/prepared").rows.values()) == 200
    assert not [path for path in good.files() if ".new" in path]


@pytest.mark.parametrize("change", [lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n")], ids=["BOM", "CRLF"])
def test_marks_and_line_ends_of_windows_change_nothing(good, change):
    before = load_meta(good.folder / "data/prepared")
    good.write(change(good_csv()))
    assert good.run(*STAGES) == 0
    assert load_meta(good.folder / "data/prepared") == before


# name: (the file's content, values of the configuration, the stage that stops, words of its error)
LEAK = {"source__files__test": "test.csv"}
BAD = {
    "missing file": (None, {}, "fetch", "data/local/texts.csv is missing"),
    "missing column": ("text,kind\none,a\n", {}, "fetch", "texts.csv:1: there is no column 'label'"),
    "empty file": ("", {}, "fetch", "texts.csv: the file is empty"),
    "header alone": ("text,label\n", {}, "fetch", "texts.csv: holds no row below its header"),
    "few rows": ("text,label\none,a\n", {}, "validate", "1 rows, fewer than data.checks.min_rows=10"),
    "broken address": (None, {"source__files__train": "http://[::1/x"}, "fetch", "http://[::1/x: cannot be downloaded"),
    "zero rows after cleaning": (
        "text,label\none,a\none,b\n",
        {"checks__min_rows": 1, "clean__conflicts": "drop"},
        "validate",
        "no row is left after cleaning: 2 rows whose text has two labels: dropped",
    ),
    "one class": (good_csv().replace(",b\n", ",a\n"), {}, "validate", "all 120 rows have the label 'a'"),
    "small class": (good_csv() + "x,c\ny,c\n", {}, "validate", "each of the 3 splits, but 'c' has 2"),
    "blank text": (good_csv() + " ,a\n", {}, "validate", "texts.csv:122: column text: is blank: ' '"),
    "null text": (good_csv() + ",a\n", {}, "validate", "texts.csv:122: column text: is blank: ''"),
    "blank label": (good_csv() + "some text, \n", {}, "validate", "texts.csv:122: column label: is blank: ''"),
    "undeclared label": (
        good_csv() + "some text,z\n",
        {"checks__labels": ["a", "b"]},
        "validate",
        "texts.csv:122: column label: is none of data.checks.labels (a, b): 'z'",
    ),
    "unmapped label": (
        good_csv() + "some text,z\n",
        {"source__labels": {"a": "x", "b": "y"}},
        "fetch",
        "texts.csv:122: column label: the label 'z' is not in data.source.labels",
    ),
    "test rows in train": (good_csv(), LEAK, "validate", "training rows that also stand in test"),
    "train and test the same file": (
        good_csv(),
        {"source__files__test": "data/local/texts.csv", "clean__leaks": "drop"},
        "validate",
        "data.clean.leaks=drop drops all 120 training rows",
    ),
    "a class whose training rows are all in test": (
        good_csv() + "row 1 new,c\nrow 1  new,c\n",
        {"source__files__test": "leaks.csv", "clean__leaks": "drop"},
        "validate",
        "data.clean.leaks=drop drops all training rows of 'c'",
    ),
    "a class that stands in test alone": (
        good_csv(),
        {"source__files__test": "unseen.csv"},
        "validate",
        "unseen.csv:2: column label: 'c' stands in test but in no training row",
    ),
    "a class of near-duplicates": (
        good_csv() + "".join(f"{'the same long text about one thing and no other ' * 9}{n},c\n" for n in range(9)),
        {},
        "validate",
        "class 'c': its 9 rows make 1 group(s) of near-duplicates",
    ),
    "two labels": (
        good_csv() + "some text,a\nSOME text,b\n",
        {},
        "validate",
        "2 rows whose text has two labels; mend them, or set data.clean.conflicts",
    ),
    "wrong encoding": (good_csv().encode() + b"caf\xe9,a\n", {}, "fetch", "texts.csv:122: byte 0xe9 is not utf-8"),
    "unknown encoding": (good_csv(), {"source__encoding": "utf-88"}, "fetch", "no text encoding 'utf-88'"),
    "UTF-16": (good_csv().encode("utf-16"), {}, "fetch", "set data.source.encoding=utf-16"),
    "NUL byte": (good_csv() + "some\0text,a\n", {}, "fetch", "texts.csv:122: holds a NUL byte"),
    "10 MB row": (
        good_csv() + "x" * 10_000_000 + ",a\n",
        {},
        "validate",
        "texts.csv:122: column text: is longer than data.checks.max_chars=100,000 characters",
    ),
    "10 MB label": (
        good_csv() + "some text," + "x" * 10_000_000 + "\n",
        {},
        "validate",
        "texts.csv:122: column label: is longer than 200 characters",
    ),
    "10 MB label that is not in the map": (
        good_csv() + "some text," + "x" * 10_000_000 + "\n",
        {"source__labels": {"a": "x", "b": "y"}},
        "fetch",
        "texts.csv:122: column label: the label 'xxxx",
    ),
    "10 MB split": (
        f"text,label,part\none,a,{'x' * 10_000_000}\n",
        {"source__columns__split": "part"},
        "fetch",
        "texts.csv:2: column part: 'xxxx",
    ),
    "10 MB header": (f"{'x' * 10_000_000},label\none,a\n", {}, "fetch", "texts.csv:1: there is no column 'text'"),
    "10 MB header above a row of another length": (
        f"text,label,{'x' * 10_000_000}\none,a\n",
        {},
        "fetch",
        "texts.csv:2: 2 fields where 3 columns",
    ),
    "a class for each row": (
        "text,label\n" + "".join(f"text {n},class {n}\n" for n in range(20_000)),
        {},
        "validate",
        "'class 10004' has 1 and 19,990 more",
    ),
    "half a character": (
        good_csv() + "\\ud800,a\n",
        {"source__encoding": "unicode_escape"},
        "fetch",
        "texts.csv:122: holds '\\ud800', half of a character",
    ),
    "quote that does not close": (good_csv() + '"open,a\n', {}, "fetch", "texts.csv:122: unexpected end of data"),
    "another number of fields": (good_csv() + "a,b,c\n", {}, "fetch", "texts.csv:122: 3 fields where 2 columns"),
    "checksum": (good_csv(), {"source__sha256__train": "0" * 64}, "fetch", "data.source.sha256.train says 0000"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_stops_with_status_2_and_what_was_good_stays(good, capsys, name):
    content, values, stage, words = BAD[name]
    before = good.files()
    good.configure(**values)
    good.write("text,label\nrow 1 new,a\n" + good_csv().splitlines()[3] + "\n", "test.csv")
    good.write("text,label\n" + "".join(f"row {n} new,c\n" for n in range(1, 4)), "leaks.csv")
    good.write("text,label\n" + "".join(f"unseen {n},c\n" for n in range(3)), "unseen.csv")
    path = good.write(content or "")
    if content is None:
        path.unlink()
    *earlier, _ = STAGES[: STAGES.index(stage) + 1]
    assert good.run(*earlier) == 0
    raw = {path: data for path, data in good.files().items() if path.startswith("data/raw")}
    capsys.readouterr()

    assert good.run(stage) == 2

    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert words in error
    assert len(error) < 3000
    after = good.files()
    kept = [path for path in before if path.startswith(("data/prepared", "reports/data_profile"))]
    assert {path: after[path] for path in kept} == {path: before[path] for path in kept}
    assert {path: data for path, data in after.items() if path.startswith("data/raw")} == raw
    assert not [path for path in after if ".new" in path]
    if stage == "validate":
        assert "Errors: the pipeline stops here" in after["reports/data.html"].decode()
        assert len(after["reports/data.html"]) < 50_000


@pytest.mark.parametrize("policy", ["drop", "majority"])
def test_a_text_with_two_labels_is_reported_and_resolved_by_the_configuration(good, capsys, policy):
    good.configure(clean__conflicts=policy)
    good.write(good_csv() + "some text,a\nSOME text,b\nsome  text,b\n")
    assert good.run(*STAGES) == 0
    assert "3 rows whose text has two labels" in capsys.readouterr().out
    assert "texts.csv:122 a, texts.csv:123 b" in good.files()["reports/data.html"].decode()
    kept = [
        label
        for split in ("train", "validation", "test")
        for text, label in load_rows(good.folder / "data/prepared", split)[["text", "label"]].itertuples(index=False)
        if text.lower() == "some text"
    ]
    assert kept == ([] if policy == "drop" else ["b"])


def test_leaks_can_be_dropped(good):
    good.configure(clean__leaks="drop", **LEAK)
    good.write("\n".join(good_csv().splitlines()[:20]) + "\n", "test.csv")
    assert good.run(*STAGES) == 0
    assert load_meta(good.folder / "data/prepared").rows["test"] == 19


@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_said_in_words_and_loses_nothing(good, stage):
    before = good.files()
    code = f"""
import resource, sys
from slipway.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (500, {resource.RLIM_INFINITY}))
status = main([{stage!r}])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # coverage writes its data at the end
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr
    assert good.files() == before


@pytest.mark.parametrize(("stage", "words"), [("validate", "`dvc repro fetch`"), ("prepare", "`dvc repro fetch`")])
def test_a_stage_without_its_input_names_the_one_before(project, capsys, stage, words):
    project.configure()
    assert project.run(stage) == 2
    assert words in capsys.readouterr().err


def test_a_cut_download_is_resumed(project, server):
    server.content = good_csv().encode()
    server.script = ["cut"]
    project.configure(source__files__train=server.url)
    assert project.run(*STAGES) == 0
    assert [wanted for _, wanted in server.requests] == [None, f"bytes={len(server.content) // 2}-"]
    assert sum(load_meta(project.folder / "data/prepared").rows.values()) == 120


def test_word_vectors_are_written_where_they_are_asked_for(good, capsys):
    good.write("fox 1 2\nsky 3 4\n", "glove.txt")
    good.configure(vectors={"path": "glove.txt", "sha256": None})
    assert good.run("prepare") == 0
    assert "of the vocabulary's words found" in capsys.readouterr().out
    assert load_meta(good.folder / "data/prepared").vectors == {
        "width": 2,
        "found": 2,
        "share": pytest.approx(2 / 93, abs=1e-6),
    }
    assert (good.folder / "data/prepared/vectors.npy").is_file()


def test_drift_from_an_accepted_profile_warns_and_does_not_stop(good, capsys):
    assert good.run("accept_profile", "validate") == 0
    assert "warning" not in capsys.readouterr().out
    good.write(good_csv(seed=1).replace("fox", "zebra"))
    assert good.run("fetch", "validate") == 0
    out = capsys.readouterr().out
    assert "warning: unknown words: " in out
    assert "new and common: 'zebra'" in out
    assert "slipway accept-profile" in out
    assert "zebra" in good.files()["reports/data.html"].decode()


def test_the_accepted_profile_is_the_one_that_was_measured(good, capsys):
    assert good.run("accept_profile") == 0
    files = good.files()
    assert json.loads(files["data/profiles/my_texts.json"]) == json.loads(files["reports/data_profile.json"])
    assert "data/profiles/my_texts.json is now the baseline" in capsys.readouterr().out


def test_there_is_nothing_to_accept_before_validate(project, capsys):
    project.configure()
    assert project.run("accept_profile") == 2
    assert "`dvc repro validate`" in capsys.readouterr().err


def test_a_declared_class_without_rows_warns(good, capsys):
    good.configure(checks__labels=["a", "b", "c"])
    assert good.run("validate") == 0
    assert "warning: declared in data.checks.labels, but no row has it: c" in capsys.readouterr().out


def test_the_default_data_set_needs_no_network(project, capsys):
    services = ["sqs", "kms", "sns"]
    project.configure("aws_docs", source__services=services, checks__labels=services, checks__min_rows=100)
    assert project.run(*STAGES) == 0
    assert load_meta(project.folder / "data/prepared").labels == ("kms", "sns", "sqs")


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "conf" / "data").glob("*.yaml")))
def test_every_data_set_of_conf_fits_the_schema(configure, name):
    config = configure(name)
    assert list(config) == ["name", "about", "source", "checks", "clean", "split"]


def test_a_committed_profile_is_that_of_the_default_data_set(configure):
    baseline = load(ROOT / "data" / "profiles" / "aws_docs.json")
    assert sorted(baseline.classes) == sorted(configure("aws_docs")["source"]["services"])
    assert baseline.rows > 20_000
