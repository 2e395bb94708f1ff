"""A stored model is two files; what is missing or damaged is named."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pydantic import TypeAdapter

from slipway.config.model import ModelConfig
from slipway.data.prepared import load_meta
from slipway.errors import UserError
from slipway.models.store import build, load, save

ROOT = Path(__file__).resolve().parents[2]


def config(kind: str, **values: object) -> ModelConfig:
    content = yaml.safe_load((ROOT / "conf" / "model" / f"{kind}.yaml").read_text(encoding="utf-8"))
    found: ModelConfig = TypeAdapter(ModelConfig).validate_json(json.dumps(content | values))
    return found


@pytest.mark.parametrize("kind", ["bag", "encoder"])
def test_a_loaded_model_answers_as_the_stored_one_did(prepared: Path, tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    model = build(config(kind), load_meta(prepared), prepared).eval()
    save(model, tmp_path / "a")
    loaded = load(tmp_path / "a")
    ids = torch.randint(2, 900, (4, 11))
    mask = torch.ones_like(ids)
    assert not loaded.training
    assert torch.equal(loaded(ids, mask), model(ids, mask))
    save(loaded, tmp_path / "b")
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_missing_file_is_named(trained: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(trained, tmp_path / "train")
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing: `dvc repro train`"):
        load(folder)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"kind": "tree", "architecture": {}}', '{"kind": "bag", "architecture": {}}']
)
def test_an_architecture_that_is_none_is_named(trained: Path, tmp_path: Path, content: str) -> None:
    folder = shutil.copytree(trained, tmp_path / "train")
    (folder / "model.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"model\.json is damaged"):
        load(folder)


def test_cut_weights_are_named(trained: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(trained, tmp_path / "train")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        load(folder)


def test_weights_of_another_architecture_are_named(trained: Path, prepared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(trained, tmp_path / "train")
    save(build(config("encoder"), load_meta(prepared), prepared), tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", folder)
    with pytest.raises(UserError, match=r"model\.safetensors is damaged"):
        load(folder)


@pytest.fixture
def with_vectors(prepared: Path, tmp_path: Path) -> Path:
    """`prepared`, with vectors of width 64 for tokens 10 to 19."""
    folder = shutil.copytree(prepared, tmp_path / "prepared")
    vectors = np.zeros((load_meta(folder).vocab_size, 64), np.float32)
    vectors[10:20] = np.random.default_rng(0).normal(size=(10, 64))
    np.save(folder / "vectors.npy", vectors)
    return folder


@pytest.mark.parametrize("kind", ["bag", "encoder"])
def test_word_vectors_land_in_their_rows(with_vectors: Path, prepared: Path, kind: str) -> None:
    meta = load_meta(prepared)
    torch.manual_seed(0)
    plain = build(config(kind, width=64), meta, prepared).embedding.weight.detach()
    torch.manual_seed(0)
    started = build(config(kind, width=64), meta, with_vectors).embedding.weight.detach()
    changed = (plain != started).any(dim=1).nonzero().flatten()
    assert changed.tolist() == list(range(10, 20))
    vectors = torch.from_numpy(np.load(with_vectors / "vectors.npy")[10:20])
    cosine = torch.nn.functional.cosine_similarity(started[10:20], vectors)
    torch.testing.assert_close(cosine, torch.ones(10))
    assert float(started[10:20].std()) == pytest.approx(float(plain.std()), rel=0.01)


def test_vectors_of_another_width_are_refused(with_vectors: Path) -> None:
    with pytest.raises(UserError, match=r"model\.vectors has 64 numbers a word, model\.width is 128"):
        build(config("encoder", width=128), load_meta(with_vectors), with_vectors)


def test_vectors_that_know_no_token_change_nothing(with_vectors: Path) -> None:
    meta = load_meta(with_vectors)
    np.save(with_vectors / "vectors.npy", np.zeros((meta.vocab_size, 64), np.float32))
    model = build(config("bag", width=64), meta, with_vectors)
    assert torch.isfinite(model.embedding.weight).all()
