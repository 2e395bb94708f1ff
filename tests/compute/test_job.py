"""A job is all that its weights depend on: what changes them is another job, and nothing else is."""

import shutil
from pathlib import Path

import pytest
import yaml

from slipway.compute.job import PACKAGE, SOURCES, job_hash, local_encoder
from slipway.config.compose import Order, resolve
from slipway.config.model import ModelConfig
from slipway.config.train import TrainConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A folder as transformers saves one; a hash need not open it."""
    folder = tmp_path / "bert"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "README.md"):
        (folder / name).write_text(f"{name}, first")
    return folder


def job(name: str, prepared: Path) -> str:
    model, train = configured(name)
    return job_hash(model, train, prepared)


def configured(name: str) -> tuple[ModelConfig, TrainConfig]:
    config, _ = resolve(Order({"data": "banking77", "model": "pretrained"}, {"model": {"name": name}}), ROOT / "conf")
    return config.model, config.train


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "model-00002-of-00002.safetensors"])
def test_other_weights_in_the_same_folder_are_another_job(encoder: Path, tmp_path: Path, name: str) -> None:
    before = job(str(encoder), tmp_path / "prepared")
    assert job(str(encoder), tmp_path / "prepared") == before
    (encoder / name).write_text("second")
    assert job(str(encoder), tmp_path / "prepared") != before


def test_code_that_trains_is_part_of_the_job(encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = shutil.copytree(ROOT / "src" / "slipway", tmp_path / "slipway")
    monkeypatch.setattr("slipway.compute.job.PACKAGE", package)
    before = job(str(encoder), tmp_path / "prepared")
    (package / "verbs" / "train.py").write_text("# edited")
    assert job(str(encoder), tmp_path / "prepared") == before
    (package / "training" / "entry.py").write_text("# edited")
    assert job(str(encoder), tmp_path / "prepared") != before


def test_the_code_that_trains_is_what_the_stage_depends_on() -> None:
    listed = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]["deps"]
    paths = [ROOT / name for name in listed if name.startswith("src/")]
    files = {file for path in paths for file in (path.glob("*.py") if path.is_dir() else [path])}
    verb = {PACKAGE / name for name in ("verbs/train.py", "config/resolved.py", "data/local.py")}
    assert files - verb == {file for pattern in SOURCES for file in PACKAGE.glob(pattern)}


def test_another_release_of_torch_is_another_job(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    for release in ("2.9.0+cpu", "2.9.0+cu128", "2.9.1+cpu"):
        monkeypatch.setattr(
            "slipway.compute.job.version", lambda name, release=release: release if name == "torch" else "5.0"
        )
        jobs.append(job(str(encoder), tmp_path / "prepared"))
    assert jobs[0] == jobs[1] != jobs[2]


def test_what_transformers_does_not_read_is_no_part_of_the_job(encoder: Path, tmp_path: Path) -> None:
    before = job(str(encoder), tmp_path / "prepared")
    (encoder / "README.md").write_text("second")
    assert job(str(encoder), tmp_path / "prepared") == before


def test_a_name_on_the_hub_and_other_models_have_no_folder(encoder: Path) -> None:
    assert local_encoder(configured(str(encoder))[0]) == encoder
    assert local_encoder(configured("nobody/no-such-model")[0]) is None
    assert local_encoder(resolve(Order({"model": "bag"}), ROOT / "conf")[0].model) is None
