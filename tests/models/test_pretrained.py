"""A Hugging Face encoder from a local folder: a real BERT, only small."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
import transformers

from slipway.config.model import Pretrained as PretrainedConfig
from slipway.data.prepared import load_meta
from slipway.errors import UserError
from slipway.models.pretrained import Pretrained
from slipway.models.store import build, load, save
from slipway.training.optimizers import optimizers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=100, max_position_embeddings=32, **sizes)
    path = tmp_path_factory.mktemp("bert")
    transformers.BertModel(config).save_pretrained(path)
    return path


def config(folder: Path | str, **values: object) -> PretrainedConfig:
    content = {
        "kind": "pretrained",
        "lr": 0.001,
        "name": str(folder),
        "revision": None,
        "pooling": "mean",
        "dropout": 0.0,
        "freeze": False,
        "tokenizer": {"kind": "pretrained", "name": str(folder), "revision": None, "max_length": 32},
        "vectors": None,
    }
    return PretrainedConfig.model_validate_json(json.dumps(content | values))


IDS = torch.tensor([[5, 6, 7, 0, 0], [9, 8, 7, 6, 5]])
MASK = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_padding_changes_nothing(folder: Path, prepared: Path, pooling: str) -> None:
    model = build(config(folder, pooling=pooling), load_meta(prepared), prepared).eval()
    logits = model(IDS, MASK)
    assert logits.shape == (2, 10)
    torch.testing.assert_close(model(IDS[:1, :3], MASK[:1, :3]), logits[:1], rtol=1e-4, atol=1e-5)


def test_it_starts_from_the_folder_s_weights(folder: Path) -> None:
    model = Pretrained.fetch(config(folder), classes=4)
    original = transformers.AutoModel.from_pretrained(folder).state_dict()
    assert all(torch.equal(tensor, original[name]) for name, tensor in model.encoder.state_dict().items())


def test_it_is_stored_and_loaded_without_the_folder(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "bert")
    model = Pretrained.fetch(config(copy), classes=4).eval()
    save(model, tmp_path / "stored")
    shutil.rmtree(copy)
    assert str(copy) not in (tmp_path / "stored" / "model.json").read_text(encoding="utf-8")
    assert torch.equal(load(tmp_path / "stored")(IDS, MASK), model(IDS, MASK))


def test_frozen_means_that_the_head_alone_is_trained(folder: Path) -> None:
    frozen = config(folder, freeze=True)
    (optimizer,) = optimizers(Pretrained.fetch(frozen, classes=4), frozen, 0.01)
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert [tuple(parameter.shape) for parameter in trained] == [(4, 16), (4,)]


def test_pickled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "config.json", tmp_path)
    torch.save(transformers.AutoModel.from_pretrained(folder).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"model\.name: .*model\.safetensors"):
        Pretrained.fetch(config(tmp_path), classes=4)


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"model.name: {tmp_path}"):
        Pretrained.fetch(config(tmp_path), classes=4)


def test_without_the_extra_the_message_says_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"pip install -e '\.\[pretrained\]'"):
        Pretrained.fetch(config(folder), classes=4)
