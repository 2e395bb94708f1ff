"""A job is all that its weights depend on: what changes them is another job, and nothing else is."""

import functools
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from slipway.compute.folder import job_name
from slipway.compute.image import LOCK
from slipway.compute.job import PACKAGE, SOURCES, job_hash, local_encoder
from slipway.compute.project import order
from slipway.config.compose import Order, resolve, runtime
from slipway.config.model import ModelConfig
from slipway.config.train import TrainConfig
from slipway.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("bag", "encoder", "pretrained")
# each example writes files below one folder of its test
quick = settings(
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NAMES = st.from_regex(r"([ab]/)?[xy]\.npy", fullmatch=True)
PREPARED = st.dictionaries(NAMES, st.binary(max_size=20), min_size=1, max_size=5)


def configured(kind: str, **model: Any) -> tuple[ModelConfig, TrainConfig]:
    config, _ = resolve(Order({"data": "banking77", "model": kind}, {"model": model}), ROOT / "conf")
    return config.model, config.train


CONFIGS = {kind: configured(kind) for kind in KINDS}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """The folder, with these files and no others."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, as far as a job's name looks at one, as the current folder."""
    return checkout(tmp_path / "project", monkeypatch)


def checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cached = shutil.ignore_patterns("__pycache__")
    package = shutil.copytree(PACKAGE, folder / "src" / "slipway", ignore=cached)
    shutil.copytree(ROOT / "docker", folder / "docker")
    write(folder / "prepared", {"meta.json": b"{}", "train/tokens.npy": b"tokens"})
    monkeypatch.setattr("slipway.compute.job.PACKAGE", package)
    monkeypatch.chdir(folder)
    return folder


def name(kind: str = "bag", prepared: Path = Path("prepared")) -> str:
    return job_hash(*CONFIGS[kind], prepared)


@given(files=PREPARED, data=st.data())
@quick
def test_order_time_and_place_of_files_are_no_part_of_a_job(project: Path, files: dict[str, bytes], data: Any) -> None:
    there = write(project / "first", files)
    shuffled = data.draw(st.permutations(list(files.items())))
    here = write(project.parent / "elsewhere" / "second", dict(shuffled))
    for path in filter(Path.is_file, here.rglob("*")):
        os.utime(path, (data.draw(st.integers(0, 2**31)),) * 2)
    assert name(prepared=here) == name(prepared=there)


def test_another_machine_has_the_same_name_for_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [name(kind) for kind in KINDS]
    assert len(set(before)) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in before)
    checkout(project.parent / "another" / "checkout", monkeypatch)
    assert [name(kind) for kind in KINDS] == before


@given(files=PREPARED, data=st.data())
@quick
def test_any_byte_of_the_prepared_data_is_part_of_a_job(project: Path, files: dict[str, bytes], data: Any) -> None:
    before = name(prepared=write(project / "prepared", files))
    changed = data.draw(st.sampled_from(sorted(files)))
    place, byte = data.draw(st.integers(0, len(files[changed]))), data.draw(st.binary(min_size=1, max_size=1))
    content = files[changed][:place] + byte + files[changed][place + 1 :]
    assume(content != files[changed])
    assert name(prepared=write(project / "prepared", files | {changed: content})) != before


@given(files=PREPARED, other=NAMES, data=st.data())
@quick
def test_a_name_of_the_prepared_data_is_part_of_a_job(
    project: Path, files: dict[str, bytes], other: str, data: Any
) -> None:
    assume(other not in files)
    before = name(prepared=write(project / "prepared", files))
    renamed = data.draw(st.sampled_from(sorted(files)))
    content = {other if each == renamed else each: data for each, data in files.items()}
    assert name(prepared=write(project / "prepared", content)) != before


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield path


def changed(values: Any, path: tuple[str, ...], value: Any) -> Any:
    return value if not path else values | {path[0]: changed(values[path[0]], path[1:], value)}


WORDS = ["none", "balanced", "root", "accuracy", "macro_f1", "log_loss", "fp32", "bf16", "first", "mean", "english"]
OF_TYPE: dict[type, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(1, 5000),
    float: st.floats(0, 1, exclude_min=True, exclude_max=True),
    str: st.sampled_from(WORDS) | st.text("abc/", min_size=1, max_size=5),
    list: st.tuples(st.integers(1, 5), st.integers(5, 20)).map(list),
    type(None): st.text("0123456789abcdef", min_size=1) | st.integers(1, 9),
}


@given(kind=st.sampled_from(KINDS), section=st.sampled_from([0, 1]), data=st.data())
@settings(quick, max_examples=150)
def test_any_value_of_model_and_train_is_part_of_a_job(project: Path, kind: str, section: int, data: Any) -> None:
    configs = list(CONFIGS[kind])
    values = configs[section].model_dump(mode="json")
    path = data.draw(st.sampled_from([each for each in leaves(values) if each[-1] != "kind"]))
    value = data.draw(OF_TYPE[type(functools.reduce(lambda inner, key: inner[key], path, values))])
    adapter: TypeAdapter[Any] = TypeAdapter([ModelConfig, TrainConfig][section])
    try:
        configs[section] = adapter.validate_json(json.dumps(changed(values, path, value)))
    except ValidationError:
        assume(False)
    assume(configs[section] != CONFIGS[kind][section])
    assert job_hash(*configs, Path("prepared")) != name(kind), path


@pytest.mark.parametrize("pattern", SOURCES)
def test_code_that_trains_is_part_of_the_job(project: Path, pattern: str) -> None:
    for path in (project / "src" / "slipway").glob(pattern):
        before = name()
        path.write_text(path.read_text() + "\n")
        assert name() != before, path


@pytest.mark.parametrize("path", LOCK)
def test_the_release_of_whatever_trains_is_part_of_the_job(project: Path, path: str) -> None:
    before = name()
    (project / path).write_text((project / path).read_text().replace("==", "==1", 1))
    assert name() != before


def test_what_trains_nothing_is_no_part_of_the_job(project: Path) -> None:
    before = name()
    package = project / "src" / "slipway"
    trains = {path for pattern in SOURCES for path in PACKAGE.glob(pattern)}
    for path in package.rglob("*.py"):
        if PACKAGE / path.relative_to(package) not in trains:
            path.write_text("# edited")
    for path in (
        "src/slipway/training/__pycache__/loop.cpython-311.pyc",
        "docker/train",
        "docker/train.Dockerfile",
    ):
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text("another")
    (package / "training" / "notes.md").write_text("notes")
    (project / "requirements.lock").write_text("")
    assert name() == before


def test_a_checkout_without_its_lock_is_named(project: Path) -> None:
    (project / LOCK[0]).unlink()
    with pytest.raises(UserError, match=r"docker/requirements\.txt is missing: run this in the root"):
        name()


def test_the_code_that_trains_is_what_the_stage_depends_on() -> None:
    listed = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]["deps"]
    paths = [ROOT / name for name in listed if name.startswith("src/")]
    files = {file for path in paths for file in (path.glob("*.py") if path.is_dir() else [path])}
    verb = {PACKAGE / path for path in ("verbs/train.py", "compute/project.py", "config/resolved.py", "data/local.py")}
    assert files - verb == {file for pattern in SOURCES for file in PACKAGE.glob(pattern)}
    assert set(LOCK) == {name for name in listed if name.startswith("docker/")}


@pytest.fixture
def chosen(project: Path, prepared: Path) -> Path:
    """A checkout whose data is prepared."""
    for path in ("conf", "params.yaml", "resolved.yaml"):
        (shutil.copytree if (ROOT / path).is_dir() else shutil.copyfile)(ROOT / path, project / path)
    shutil.copytree(prepared, project / "data" / "prepared")
    return project


@pytest.mark.parametrize(
    "choices",
    [
        "compute=container compute.device=gpu",
        "compute.checkpoint_minutes=1 compute.processes=3 compute.submit=false",
        "tracking=off",
        "tracking.uri=http://127.0.0.1:5000 tracking.experiment=other",
    ],
)
def test_where_a_job_runs_and_who_watches_is_no_part_of_it(
    chosen: Path, monkeypatch: pytest.MonkeyPatch, choices: str
) -> None:
    usual, before = runtime(), order(print).job.hash
    monkeypatch.setenv("SLIPWAY_OVERRIDES", choices)
    assert runtime() != usual
    assert order(print).job.hash == before


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A folder as transformers saves one; a hash need not open it."""
    return write(tmp_path / "bert", dict.fromkeys(("config.json", "model.safetensors", "README.md"), b"first"))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "model-00002-of-00002.safetensors"])
def test_other_weights_in_the_same_folder_are_another_job(project: Path, encoder: Path, file: str) -> None:
    config = configured("pretrained", name=str(encoder))
    before = job_hash(*config, Path("prepared"))
    assert job_hash(*config, Path("prepared")) == before
    (encoder / file).write_text("second")
    assert job_hash(*config, Path("prepared")) != before


def test_what_transformers_does_not_read_is_no_part_of_the_job(project: Path, encoder: Path) -> None:
    config = configured("pretrained", name=str(encoder))
    before = job_hash(*config, Path("prepared"))
    (encoder / "README.md").write_text("second")
    assert job_hash(*config, Path("prepared")) == before


def test_a_name_on_the_hub_and_other_models_have_no_folder(encoder: Path) -> None:
    assert local_encoder(configured("pretrained", name=str(encoder))[0]) == encoder
    assert local_encoder(configured("pretrained", name="nobody/no-such-model")[0]) is None
    assert local_encoder(configured("bag")[0]) is None


@given(st.binary(min_size=8, max_size=8), st.integers(1, 10**9))
def test_a_name_is_one_that_sagemaker_takes(digits: bytes, attempt: int) -> None:
    # the pattern of CreateTrainingJob's TrainingJobName
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", job_name(digits.hex(), attempt))


def test_where_an_encoder_lies_is_no_part_of_a_job(project: Path, encoder: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(encoder, tmp_path / "elsewhere")
    hashes = {
        job_hash(*configured("pretrained", name=str(folder)), Path("prepared")) for folder in (encoder, elsewhere)
    }
    assert len(hashes) == 1


def test_what_training_does_not_read_is_no_part_of_a_job(project: Path) -> None:
    before = name()
    write(project / "prepared" / "more", {"a.parquet": b"texts"})
    (project / "prepared" / ".DS_Store").write_bytes(b"of a desktop")
    assert name() == before
