"""A Hugging Face encoder from a local folder: a real BERT, only small."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from slipway.config.model import Pretrained as PretrainedConfig
from slipway.data.prepared import Meta
from slipway.errors import UserError
from slipway.models.pretrained import Pretrained
from slipway.models.store import build, load, save
from slipway.training.optimizers import optimizers

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=100, max_position_embeddings=32, **SIZES)
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


def meta_of(**values: Any) -> Meta:
    """What prepare would say of four classes in the vocabulary of the small BERT."""
    facts = {"rows": {}, "tokens": {}, "unknown_share": {}, "truncated_share": {}, "class_counts": {}}
    sizes = {"vocab_size": 100, "max_length": 32, "pad_id": 0, "unk_id": 1, "dtype": "uint16", "data_sha256": ""}
    return Meta(**facts | sizes | {"labels": ("a", "b", "c", "d")} | values)


META = meta_of()
IDS = torch.tensor([[5, 6, 7, 0, 0], [9, 8, 7, 6, 5]])
MASK = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_padding_changes_nothing(folder: Path, prepared: Path, pooling: str) -> None:
    model = build(config(folder, pooling=pooling), META, prepared).eval()
    logits = model(IDS, MASK)
    assert logits.shape == (2, 4)
    torch.testing.assert_close(model(IDS[:1, :3], MASK[:1, :3]), logits[:1], rtol=1e-4, atol=1e-5)


def test_it_starts_from_the_folder_s_weights(folder: Path) -> None:
    model = Pretrained.fetch(config(folder), meta=META)
    original = transformers.AutoModel.from_pretrained(folder).state_dict()
    assert all(torch.equal(tensor, original[name]) for name, tensor in model.encoder.state_dict().items())


def test_it_is_stored_and_loaded_without_the_folder(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "bert")
    model = Pretrained.fetch(config(copy), meta=META).eval()
    save(model, tmp_path / "stored")
    shutil.rmtree(copy)
    assert str(copy) not in (tmp_path / "stored" / "model.json").read_text(encoding="utf-8")
    assert torch.equal(load(tmp_path / "stored")(IDS, MASK), model(IDS, MASK))


def test_frozen_means_that_the_head_alone_is_trained(folder: Path) -> None:
    frozen = config(folder, freeze=True)
    (optimizer,) = optimizers(Pretrained.fetch(frozen, meta=META), frozen, 0.01)
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert [tuple(parameter.shape) for parameter in trained] == [(4, 16), (4,)]


def test_pickled_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "config.json", tmp_path)
    torch.save(transformers.AutoModel.from_pretrained(folder).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"model\.name: .*model\.safetensors"):
        Pretrained.fetch(config(tmp_path), meta=META)


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"model.name: {tmp_path}"):
        Pretrained.fetch(config(tmp_path), meta=META)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_length": 33}, r"model\.tokenizer\.max_length: .* cannot read a text of 33 tokens .* it has 32 places"),
        ({"vocab_size": 101}, r"model\.tokenizer: it gives 101 different tokens, .* knows 100"),
    ],
)
def test_tokens_that_the_encoder_has_no_place_for_are_refused(folder: Path, values: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Pretrained.fetch(config(folder), meta_of(**values))


def test_places_that_an_encoder_keeps_for_itself_are_counted(tmp_path: Path) -> None:
    transformers.RobertaModel(
        transformers.RobertaConfig(vocab_size=100, max_position_embeddings=32, **SIZES)
    ).save_pretrained(tmp_path)
    Pretrained.fetch(config(tmp_path), meta_of(max_length=30, pad_id=1))
    with pytest.raises(UserError, match="cannot read a text of 32 tokens"):
        Pretrained.fetch(config(tmp_path), meta_of(pad_id=1))


def test_an_encoder_without_sdpa_does_as_well(tmp_path: Path) -> None:
    transformers.MPNetModel(
        transformers.MPNetConfig(vocab_size=100, max_position_embeddings=64, **SIZES)
    ).save_pretrained(tmp_path)
    model = Pretrained.fetch(config(tmp_path), META).eval()
    save(model, tmp_path / "stored")
    torch.testing.assert_close(load(tmp_path / "stored")(IDS, MASK), model(IDS, MASK))


def test_an_encoder_with_a_decoder_is_refused(tmp_path: Path) -> None:
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    transformers.T5Model(transformers.T5Config(vocab_size=100, **sizes)).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is an encoder and a decoder"):
        Pretrained.fetch(config(tmp_path), META)


def test_without_the_extra_the_message_says_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"pip install -e '\.\[pretrained\]'"):
        Pretrained.fetch(config(folder), meta=META)
