"""`slipway train` writes models/train whole, and the same inputs give the same model."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
import yaml

from slipway.__main__ import main
from slipway.compute.folder import JobFolder, parse_name
from slipway.compute.local import Local
from slipway.config.compose import Order, resolve
from slipway.data.prepared import load_meta
from slipway.models.store import load
from slipway.verbs.train import run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make(prepared, tmp_path / "one", monkeypatch)


def make(prepared: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, **train: Any) -> Path:
    shutil.copytree(prepared, folder / "data" / "prepared")
    order = Order({"data": "banking77", "model": "bag"}, {"train": {"epochs": 2} | train})
    (folder / "resolved.yaml").write_text(yaml.safe_dump(resolve(order, conf=ROOT / "conf")[1]), encoding="utf-8")
    for name in ("conf", "docker"):
        shutil.copytree(ROOT / name, folder / name)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking=off")
    monkeypatch.chdir(folder)
    return folder


def test_it_writes_a_model_its_history_and_what_it_took(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    folder = project / "models" / "train"
    names = ["history.csv", "model.json", "model.safetensors", "train.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert not load(folder).training
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        history = list(csv.DictReader(file))
    assert [int(epoch["epoch"]) for epoch in history] == [1, 2]
    took = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    best = history[took["best_epoch"] - 1]
    assert took["epochs"] == 2
    assert took["validation"]["accuracy"] == float(best["accuracy"])
    assert took["process_cpu_seconds"] > 0
    assert (project / ".slipway" / "jobs" / took["job"] / "ml" / "checkpoints").is_dir()
    assert "bag trained for 2 epochs" in capsys.readouterr().out


def test_what_is_reported_is_the_best_epoch(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(prepared, tmp_path / "project", monkeypatch, epochs=8, metric="log_loss", patience=None)
    resolved = yaml.safe_load((folder / "resolved.yaml").read_text(encoding="utf-8"))
    resolved["model"] |= {"lr": 0.05, "wide_lr": 100.0}
    (folder / "resolved.yaml").write_text(yaml.safe_dump(resolved), encoding="utf-8")
    run()
    took = json.loads((folder / "models" / "train" / "train.json").read_text(encoding="utf-8"))
    with (folder / "models" / "train" / "history.csv").open(encoding="utf-8", newline="") as file:
        losses = [float(epoch["log_loss"]) for epoch in csv.DictReader(file)]
    assert took["best_epoch"] < 8, "nothing to see: the last epoch is the best"
    assert took["validation"]["log_loss"] == min(losses)


def test_two_folders_give_the_same_bytes_under_the_same_job(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, jobs = [], []
    for name in ("one", "two"):
        folder = make(prepared, tmp_path / name, monkeypatch)
        run()
        weights.append((folder / "models" / "train" / "model.safetensors").read_bytes())
        jobs.append(json.loads((folder / "models" / "train" / "train.json").read_text(encoding="utf-8"))["job"])
    assert weights[0] == weights[1]
    assert jobs[0] == jobs[1]


@pytest.mark.parametrize("change", ["configuration", "data"])
def test_another_input_is_another_job(
    prepared: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    run()
    other = make(prepared, tmp_path / "two", monkeypatch, **({"seed": 1} if change == "configuration" else {}))
    if change == "data":
        meta = other / "data" / "prepared" / "meta.json"
        meta.write_text(meta.read_text(encoding="utf-8") + " ", encoding="utf-8")
    run()
    jobs = [json.loads((one / "models" / "train" / "train.json").read_text())["job"] for one in (project, other)]
    assert jobs[0] != jobs[1]


def test_a_second_run_only_collects_what_is_trained(project: Path) -> None:
    run()
    weights = (project / "models" / "train" / "model.safetensors").read_bytes()
    history = (project / "models" / "train" / "history.csv").read_bytes()
    shutil.rmtree(project / "models")
    run()
    assert (project / "models" / "train" / "model.safetensors").read_bytes() == weights
    assert (project / "models" / "train" / "history.csv").read_bytes() == history, "its seconds say that it ran again"


@pytest.mark.parametrize(("place", "heard"), [("data/local/bert", False), ("bert", True)])
def test_other_weights_in_an_encoder_s_folder_are_trained_anew(
    prepared: Path, project: Path, capsys: pytest.CaptureFixture[str], place: str, heard: bool
) -> None:
    vocabulary = load_meta(prepared).vocab_size
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.BertConfig(vocab_size=vocabulary, max_position_embeddings=64, **sizes)
    order = Order({"data": "banking77", "model": "pretrained"}, {"train": {"epochs": 1}, "model": {"name": place}})
    resolved = resolve(order, conf=ROOT / "conf")[1]
    (project / "resolved.yaml").write_text(yaml.safe_dump(resolved), encoding="utf-8")
    jobs = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        transformers.BertModel(config).save_pretrained(project / place)
        run()
        jobs.append(json.loads((project / "models" / "train" / "train.json").read_text())["job"])
    assert jobs[0] != jobs[1]
    assert ("warning: bert is not in data/local" in capsys.readouterr().err) == heard


def test_a_rate_below_zero_ends_with_2_and_names_the_key(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resolved = yaml.safe_load((project / "resolved.yaml").read_text(encoding="utf-8"))
    resolved["model"]["lr"] = -0.1
    (project / "resolved.yaml").write_text(yaml.safe_dump(resolved), encoding="utf-8")
    assert main(["train"]) == 2
    assert "resolved.yaml: model.lr: " in capsys.readouterr().err
    assert not (project / "models").exists()


def test_missing_data_is_named_with_the_stage_that_brings_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(project / "data" / "prepared")
    assert main(["train"]) == 2
    assert "dvc repro prepare" in capsys.readouterr().err


def test_a_job_is_submitted_listed_followed_stopped_and_gone_on_with(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make(prepared, tmp_path / "project", monkeypatch, epochs=500, patience=None)
    assert main(["jobs"]) == 0
    assert "no jobs yet" in capsys.readouterr().out
    assert main(["train", "compute.submit=false"]) == 2
    assert "was never started, and compute.submit=false starts none" in capsys.readouterr().err
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking=off")
    assert main(["submit"]) == 0
    name = capsys.readouterr().out.split()[0]
    assert main(["submit"]) == 0
    assert f"{name} runs already" in capsys.readouterr().out
    backend = Local(JobFolder(parse_name(name)[0], folder / ".slipway"))
    next(line for line in backend.follow() if line.startswith("epoch"))
    assert main(["jobs"]) == 0
    assert [name, "here", "running"] == capsys.readouterr().out.splitlines()[3].split()[:3]
    assert main(["stop", name]) == 0
    assert main(["logs", name]) == 0
    assert "as asked; the next attempt goes on from there" in capsys.readouterr().err
    assert main(["stop", name]) == 0
    assert f"{name} does not run (compute=local): the job is stopped" in capsys.readouterr().out
    other = "slipway-0123456789abcdef-1"
    for words in (["logs", f"{name}1"], ["logs"], ["stop", "nothing"], ["stop", other]):
        assert main(words) == 2
    assert main(["submit"]) == 0
    assert capsys.readouterr().out.startswith(f"{name[:-1]}2 started")
    assert main(["stop", f"{name[:-1]}2"]) == 0
    list(backend.follow())  # SIGTERM may come before there is anything to save
    assert backend.status() == "stopped"
