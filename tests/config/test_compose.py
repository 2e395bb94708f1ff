"""params.yaml and conf/ become one checked mapping; what is wrong is named by file and key."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from slipway.__main__ import main
from slipway.config.compose import Order, read_order, resolve, runtime
from slipway.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with this project's configuration, and an order of its own, made the current one."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    order(tmp_path, "data: aws_docs\nmodel: bag\nset: {}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def order(project: Path, text: str) -> None:
    (project / "params.yaml").write_text(text, encoding="utf-8")


def message(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a verb that must fail prints: it ends with status 2, one error and no traceback."""
    assert main(list(words)) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "Traceback" not in error
    return error


def test_every_choice_of_every_group_composes(project: Path) -> None:
    for group in ("data", "model", "train", "gate", "serve", "experiment"):
        for file in (project / "conf" / group).glob("*.yaml"):
            resolve(Order({group: file.stem}))


def test_compose_writes_what_params_yaml_asks_for(project: Path) -> None:
    order(project, "data: banking77\nmodel: encoder\nset: {train: {epochs: 3}, train.seed: 7}\n")
    assert main(["compose"]) == 0
    written = yaml.safe_load((project / "resolved.yaml").read_text(encoding="utf-8"))
    assert written["data"]["name"] == "banking77"
    assert written["model"]["kind"] == "encoder"
    assert (written["train"]["epochs"], written["train"]["seed"]) == (3, 7)
    assert "compute" not in written
    assert "tracking" not in written


def test_the_same_order_writes_the_same_bytes(project: Path) -> None:
    main(["compose"])
    first = (project / "resolved.yaml").read_bytes()
    with (project / "conf" / "config.yaml").open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    main(["compose"])
    assert (project / "resolved.yaml").read_bytes() == first


def test_a_failing_compose_leaves_resolved_yaml_as_it_was(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["compose"])
    before = (project / "resolved.yaml").read_bytes()
    order(project, "data: aws_docs\nmodel: bag\nset: {model: {lr: -1}}\n")
    message(capsys, "compose")
    assert (project / "resolved.yaml").read_bytes() == before
    assert sorted(path.name for path in project.iterdir()) == ["conf", "params.yaml", "resolved.yaml"]


def test_a_value_out_of_range_in_params_yaml_is_named_by_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order(project, "data: aws_docs\nmodel: bag\nset:\n  model:\n    lr: -1.0\n")
    assert "params.yaml:5: model.lr: Input should be greater than 0 (it is -1.0)" in message(capsys, "compose")


def test_a_wrong_type_in_a_group_file_is_named_by_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project / "conf" / "train" / "default.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith("epochs:"))
    lines[number] = "epochs: many"
    path.write_text("\n".join(lines), encoding="utf-8")
    error = message(capsys, "compose")
    assert f"conf/train/default.yaml:{number + 1}: train.epochs: Input should be a valid integer" in error
    assert "'many'" in error


def test_a_wrong_value_in_a_file_that_others_start_from_is_named_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "conf" / "data" / "base" / "rules.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("conflicts: drop", "conflicts: dorp"), encoding="utf-8")
    assert "conf/data/base/rules.yaml:" in (error := message(capsys, "compose"))
    assert "data.clean.conflicts: Input should be 'drop', 'majority' or 'error' (it is 'dorp')" in error


def test_an_unknown_key_in_an_experiment_is_named_and_a_close_one_offered(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "conf" / "experiment" / "odd.yaml").write_text("# @package _global_\ntrain:\n  epoch: 3\n")
    order(project, "experiment: odd\n")
    error = message(capsys, "compose")
    assert "conf/experiment/odd.yaml:3: train.epoch: unknown key; did you mean 'epochs'?" in error


def test_a_number_is_no_text_and_a_text_no_number(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order(project, "set: {train.epochs: '5'}\n")
    assert "train.epochs: Input should be a valid integer (it is '5')" in message(capsys, "compose")


def test_all_wrong_values_are_named_at_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order(project, "set: {train.epochs: 0, model.lr: 'x', data.nmae: y}\n")
    error = message(capsys, "compose")
    assert all(key in error for key in ("train.epochs", "model.lr", "data.nmae"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model: bagg\n", "params.yaml: model: conf/model has no 'bagg'; did you mean 'bag'?"),
        ("modell: bag\n", "params.yaml: modell: unknown key; did you mean 'model'?"),
        ("compute: local\n", "SLIPWAY_OVERRIDES='compute=local' dvc repro"),
        ("set: 5\n", "params.yaml: set: is a mapping"),
        ("set: {train.epochs: '${oc.env:HOME}'}\n", "is an interpolation"),
        ("- a\n", "params.yaml: holds list, not a mapping"),
        ("data: aws_docs\n set: [\n", "params.yaml:2: not valid YAML"),
        ("set: {model: encoder}\n", "params.yaml: set.model: choose it at the top: `model: encoder`."),
        ("set: {experiment: quick}\n", "params.yaml: set.experiment: choose it at the top: `experiment: quick`."),
        (
            "set: {model.pieces: [4, 2]}\n",
            "params.yaml:1: model.pieces: the shortest run, 4, is longer than the longest",
        ),
        ("set: {data.source.min_words: 90}\n", "data.source: no sentence has min_words 90 and max_words 80"),
        ("set: {tracking.uri: x}\n", "params.yaml: set.tracking: where a model is trained"),
        ("data: aws_docs\ndata: banking77\n", "params.yaml:2: not valid YAML: the key data is given twice"),
        ("set: {model.lr: 1e-3}\n", "YAML reads 1e-3 as text, write 0.001"),
        ("set: {train: {epochs: 1}, train.epochs.more: 2}\n", "epochs is set to a value and to a mapping"),
    ],
)
def test_a_wrong_order_form_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    order(project, text)
    assert expected in message(capsys, "compose")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "model: bag\nset:\n  model.kind: encoder\n",
            "params.yaml:3: model.kind: 'encoder' has other keys than 'bag', which conf/model/bag.yaml describes. "
            "Choose a file that describes it, at the top: `model: encoder`, or a copy of conf/model/bag.yaml.",
        ),
        (
            "set: {model.tokenizer: {kind: pretrained, name: a/b}}\n",
            "params.yaml:1: model.tokenizer.kind: 'pretrained' has other keys than 'bpe', which conf/model/bag.yaml "
            "describes. Choose a file that describes it, at the top: `model: pretrained`, or a copy of",
        ),
        (
            "set: {data.source.kind: banking77}\n",
            "at the top: `data: banking77`, or a copy of conf/data/aws_docs.yaml.",
        ),
    ],
)
def test_a_kind_that_the_chosen_file_does_not_describe_is_named_where_it_is_set(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str
) -> None:
    order(project, text)
    error = message(capsys, "compose")
    assert expected in error
    assert error.count("\n") == 1


def test_a_kind_whose_file_was_deleted_is_to_be_described_anew(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "conf" / "data" / "banking77.yaml").unlink()
    order(project, "set: {data.source.kind: banking77}\n")
    assert "No file describes it: write one, or keep to conf/data/aws_docs.yaml." in message(capsys, "compose")


def test_a_typo_beside_another_kind_is_named_as_a_typo(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order(project, "set:\n  model.tokenizer:\n    kind: words\n    vocab_sise: 20000\n")
    assert "params.yaml:4: model.tokenizer.vocab_sise: unknown key; did you mean 'vocab_size'?" in message(
        capsys, "compose"
    )


def test_a_tokenizer_of_words_takes_the_place_of_pieces_as_the_guide_says(project: Path) -> None:
    (line,) = (line for line in (ROOT / "docs" / "adapt.md").read_text().splitlines() if "model.tokenizer: {" in line)
    order(project, f"set: {{{line.split('`')[1]}}}\n")
    assert resolve(read_order())[0].model.tokenizer.kind == "words"


def test_every_value_stands_in_conf(project: Path) -> None:
    """A schema's default would be a value that nobody who reads conf/ can find; null alone may be left out."""
    for group in ("data", "model"):
        for file in (project / "conf" / group).glob("*.yaml"):
            plain = resolve(Order({group: file.stem}))[1][group]
            written = dict(leaves(yaml.safe_load(file.read_text(encoding="utf-8"))))
            base = dict(leaves(yaml.safe_load((project / "conf" / "data" / "base" / "rules.yaml").read_text())))
            assert {key for key, value in leaves(plain) if value is not None} <= written.keys() | base.keys()


def leaves(values: dict[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def test_the_nested_form_that_dvc_writes_wins_over_a_dotted_key(project: Path) -> None:
    order(project, "set: {train: {seed: 1, epochs: 5}, train.epochs: 2, train.patience: 3}\n")
    train = resolve(read_order())[0].train
    assert (train.seed, train.epochs, train.patience) == (1, 5, 3)


def test_a_file_that_is_no_text_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "conf" / "model" / "bag.yaml").write_bytes(b"\xff\xfe")
    assert "conf/model/bag.yaml: not UTF-8 text" in message(capsys, "compose")


def test_an_experiment_that_does_not_say_that_it_is_global_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "conf" / "experiment").mkdir(exist_ok=True)
    (project / "conf" / "experiment" / "odd.yaml").write_text("train:\n  epochs: 3\n")
    order(project, "experiment: odd\n")
    assert "conf/experiment/odd.yaml: its first line must be `# @package _global_`" in message(capsys, "compose")


def test_an_interpolation_of_nothing_is_named_by_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project / "conf" / "train" / "default.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: ${nope}"))
    assert "conf/train/default.yaml:" in (error := message(capsys, "compose"))
    assert "train.seed: Interpolation key 'nope' not found" in error


def test_a_mistake_in_tracking_is_found_before_anything_is_spent(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "conf" / "tracking" / "mlflow.yaml"
    path.write_text(path.read_text().replace("system_metrics: true", "system_metrics: 3"))
    assert "tracking.system_metrics: Input should be a valid boolean" in message(capsys, "compose")


def test_an_empty_tracking_uri_is_as_none(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert runtime().tracking.uri == "sqlite:///mlflow.db"


def test_overrides_of_the_environment_are_named_as_such(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking.system_metrics=3")
    assert "SLIPWAY_OVERRIDES: tracking.system_metrics: " in message(capsys, "ui")
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking.uri='unclosed")
    said = message(capsys, "ui")
    assert 'SLIPWAY_OVERRIDES: "tracking.uri=\'unclosed" cannot be split' in said


def test_a_missing_or_undecodable_order_form_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "params.yaml").write_bytes(b"data: \xff\n")
    assert "params.yaml: not UTF-8 text" in message(capsys, "compose")
    (project / "params.yaml").unlink()
    assert "params.yaml is missing" in message(capsys, "compose")


def test_broken_yaml_in_conf_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "conf" / "train" / "default.yaml").write_text("epochs: [1\n")
    error = message(capsys, "compose")
    assert "not valid YAML" in error
    assert "default.yaml" in error


def test_outside_a_project_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "params.yaml is missing" in message(capsys, "compose")


def test_an_empty_order_form_takes_the_defaults(project: Path) -> None:
    order(project, "")
    assert read_order() == Order()
    assert resolve(read_order())[0].data.name == "aws_docs"


def test_choices_of_one_run_come_by_environment_and_command_line(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runtime().tracking.uri == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert runtime().tracking.uri == "http://127.0.0.1:5000"
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking=off")
    assert runtime().tracking.uri is None
    assert runtime(["tracking.experiment=mine"]).tracking.experiment == "mine"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("model.lr=0.1", "only compute and tracking are choices of one run"),
        ("++model.lr=0.1", "edit params.yaml, or `dvc exp run -S '++set.model.lr=0.1'`"),
        ("card.owner=me", "`dvc exp run -S '++set.card.owner=me'`"),
        ("model=encoder", "`dvc exp run -S '++model=encoder'`"),
        ("trackin=off", "trackin=off: unknown key; did you mean 'tracking'? choose one of: compute, tracking, data,"),
        ("modl.lr=1", "modl.lr=1: unknown key; did you mean 'model'?"),
        ("tracking=of", "conf/tracking has no 'of'; did you mean 'off'?"),
        ("compute.kind=5", "the command line: compute: Input tag '5'"),
        ("tracking.urii=x", "the command line: tracking.urii: unknown key; did you mean 'uri'?"),
        ("tracking.uri=[", "tracking.uri=["),
        ("compute.tags.team=x", "`+compute.tags.team=...` adds one"),
    ],
)
def test_a_wrong_choice_of_one_run_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], word: str, expected: str
) -> None:
    assert expected in message(capsys, "ui", word)


def test_reading_a_key_that_resolved_yaml_lacks_names_the_command(project: Path) -> None:
    from slipway.config.resolved import read

    with pytest.raises(UserError, match=r"resolved.yaml is missing: `dvc repro compose`"):
        read("data.name", str)
    (project / "resolved.yaml").write_text("data: {}\n")
    with pytest.raises(UserError, match=r"resolved.yaml has no key data.name"):
        read("data.name", str)
    for content in (b"data: [", b"\xff\x00"):
        (project / "resolved.yaml").write_bytes(content)
        with pytest.raises(UserError, match=r"resolved.yaml is damaged \("):
            read("data.name", str)
    (project / "resolved.yaml").write_text("data: {name: 5}\n")
    with pytest.raises(UserError, match=r"resolved.yaml: data.name: Input should be a valid string"):
        read("data.name", str)
