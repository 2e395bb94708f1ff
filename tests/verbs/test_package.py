"""`slipway package` makes the same bytes from the same inputs, in any folder, and says what it did."""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from slipway.config.compose import Order, resolve
from slipway.data.prepared import load_meta
from slipway.errors import UserError
from slipway.models.store import build, save
from slipway.packaging.parity import parity_in_words
from slipway.predictor import Predictor
from slipway.verbs.package import config_hash, run

ROOT = Path(__file__).resolve().parents[2]
Project = Callable[[Path], Path]


@pytest.fixture
def project(prepared: Path, trained: Path) -> Project:
    """Makes a folder in which train has just ended."""

    def make(folder: Path, model: str = "bag", scopes: tuple[str, ...] = ("all",)) -> Path:
        shutil.copytree(prepared, folder / "data" / "prepared")
        order = Order({"data": "banking77", "model": model}, {"serve": {"int8": {"scopes": list(scopes)}}})
        config, mapping = resolve(order, conf=ROOT / "conf")
        (folder / "resolved.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
        if model == "bag":
            shutil.copytree(trained, folder / "models" / "train")
        else:
            torch.manual_seed(0)
            (folder / "models" / "train").mkdir(parents=True)
            save(build(config.model, load_meta(prepared), prepared), folder / "models" / "train")
        return folder

    return make


def contents(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.slow
@pytest.mark.parametrize(("model", "scopes"), [("bag", ("embeddings",)), ("encoder", ("all",))])
def test_two_processes_in_two_folders_make_the_same_bytes(
    project: Callable[..., Path], tmp_path: Path, model: str, scopes: tuple[str, ...]
) -> None:
    here = project(tmp_path / "here", model, scopes)
    there = project(tmp_path / "over" / "there", model, scopes)
    # what they cover the next test covers too, without what measuring it costs an export
    ours = {name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"}
    command = [sys.executable, "-m", "slipway", "package"]
    for folder, environment in ((here, {"PYTHONHASHSEED": "1"}), (there, {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo"})):
        subprocess.run(command, cwd=folder, env={**ours, **environment}, check=True)
    assert contents(here / "models" / "bundle") == contents(there / "models" / "bundle")
    records = [json.loads((folder / "models" / "package.json").read_text()) for folder in (here, there)]
    assert records[0]["digest"] == records[1]["digest"]


def test_what_was_made_is_printed_and_recorded(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shipped: Path
) -> None:
    monkeypatch.chdir(project(tmp_path / "project"))
    run()
    record = json.loads(Path("models/package.json").read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    predictor = Predictor(Path("models/bundle"))
    assert predictor.digest == record["digest"]
    assert f"digest {record['digest'][:12]}" in printed
    assert "from torch at most, in logits, over 400 test rows" in printed
    assert "int8 all" in printed
    assert "1 text " in printed
    assert "32 texts " in printed
    assert record["precision"] == "float32"
    assert record["name"] == predictor.manifest["name"] == "banking77-bag"
    weights = hashlib.sha256(Path("models/train/model.safetensors").read_bytes()).hexdigest()
    assert predictor.manifest["made_from"]["model"] == weights
    # another name, another folder: the graph is the same
    assert contents(shipped)["model.onnx"] == contents(Path("models/bundle"))["model.onnx"]
    assert contents(shipped)["model.onnx.data"] == contents(Path("models/bundle"))["model.onnx.data"]


def test_without_a_trained_model_nothing_is_made(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project(tmp_path / "project"))
    shutil.rmtree("models/train")
    with pytest.raises(UserError, match="dvc repro train"):
        run()
    assert not Path("models").exists() or not list(Path("models").iterdir())


def test_a_damaged_tokenizer_is_an_error_that_names_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project(tmp_path / "project"))
    Path("data/prepared/tokenizer.json").write_text('{"version": ')
    with pytest.raises(UserError, match=r"^data/prepared/tokenizer\.json is damaged .*`dvc repro -f -s prepare`"):
        run()
    Path("data/prepared/tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"^data/prepared/tokenizer\.json is missing.*dvc repro prepare"):
        run()


def test_the_hash_of_a_configuration_is_that_of_its_values() -> None:
    assert config_hash({"a": 1, "b": {"c": [1, 2]}}) == config_hash({"b": {"c": [1, 2]}, "a": 1})
    assert config_hash({"a": 1}) != config_hash({"a": 2})


def test_parity_is_that_of_what_ships() -> None:
    parity = {"max_abs_difference": 1e-6, "max_abs_difference_shipped": 0.2}
    assert parity_in_words({"precision": "int8", "parity": parity}).startswith("2.0e-01 from torch")


@pytest.mark.slow
def test_a_full_disk_is_said_in_words_and_leaves_the_old_bundle(project: Project, tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "small").mkdir()
    (folder / "models" / "bundle").mkdir()
    (folder / "models" / "bundle" / "manifest.json").write_text("old")
    code = f"""
import resource, sys
from slipway.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.RLIM_INFINITY}))
status = main(["package"])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # coverage writes its data at the end
sys.exit(status)
"""
    environment = {**os.environ, "TMPDIR": str(folder / "small")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: {folder / 'small'}: the disk is full")
    assert "let TMPDIR name a folder on another disk" in done.stderr
    assert (folder / "models" / "bundle" / "manifest.json").read_text() == "old"


@pytest.mark.slow
def test_a_full_disk_under_the_bundle_leaves_the_old_one(project: Project, tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "models" / "bundle").mkdir()
    (folder / "models" / "bundle" / "manifest.json").write_text("old")
    code = f"""
import resource, sys
import slipway.packaging.bundle as bundle
from slipway.__main__ import main
whole = bundle.whole_folder
def full(path):  # all that was written before lies elsewhere
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.RLIM_INFINITY}))
    return whole(path)
bundle.whole_folder = full
status = main(["package"])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # coverage writes its data at the end
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: models/bundle")
    assert (folder / "models" / "bundle" / "manifest.json").read_text() == "old"
    assert [path.name for path in (folder / "models").iterdir() if path.name.startswith(".")] == []
