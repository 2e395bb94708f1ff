"""Builds models, and keeps them as safetensors beside one JSON of their architecture: nothing in them can run."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch
from torch import nn

from slipway.config.model import Bag as BagConfig
from slipway.config.model import Encoder as EncoderConfig
from slipway.config.model import ModelConfig
from slipway.data.prepared import Meta, load_split, load_tokenizer
from slipway.errors import UserError
from slipway.files import read_json, write_json, write_whole, written_by
from slipway.models.bag import Bag, BagShape
from slipway.models.encoder import Encoder, EncoderShape
from slipway.models.ngrams import count
from slipway.models.pieces import spell
from slipway.models.pretrained import Pretrained

WEIGHTS = "model.safetensors"
ARCHITECTURE = "model.json"
KINDS: dict[str, type[Bag] | type[Encoder] | type[Pretrained]] = {
    model.kind: model for model in (Bag, Encoder, Pretrained)
}


def build(config: ModelConfig, meta: Meta, prepared: Path) -> nn.Module:
    """The untrained model that `config` asks for, with what it takes from the training rows in `prepared`.

    Its random weights come from torch's generator. Raises UserError where vectors or a pretrained model do not fit.
    """
    classes = len(meta.labels)
    if isinstance(config, BagConfig):
        bag = build_bag(config, meta, prepared)
        start_from_vectors(bag.embedding, prepared, config.width)
        return bag
    if isinstance(config, EncoderConfig):
        encoder = Encoder(
            EncoderShape(
                vocab_size=meta.vocab_size,
                max_length=meta.max_length,
                classes=classes,
                unk_id=meta.pad_id if meta.unk_id is None else meta.unk_id,
                width=config.width,
                layers=config.layers,
                heads=config.heads,
                expansion=config.expansion,
                dropout=config.dropout,
                token_dropout=config.token_dropout,
            )
        )
        start_from_vectors(encoder.embedding, prepared, config.width)
        return encoder
    return Pretrained.fetch(config, meta)


def build_bag(config: BagConfig, meta: Meta, prepared: Path) -> Bag:
    """A bag that knows the n-grams of the training rows."""
    split = load_split(prepared, "train")
    features = count(split.tokens, split.offsets, config.ngrams, config.min_count, config.max_features)
    tokenizer = load_tokenizer(prepared)
    special = {meta.pad_id, meta.unk_id, *tokenizer.get_added_tokens_decoder()}
    vocabulary = {text: token for text, token in tokenizer.get_vocab().items() if token not in special}
    words = config.tokenizer.kind == "words"
    spelling = spell(vocabulary, words, *config.pieces, split.tokens, split.offsets)
    bag = Bag(
        BagShape(
            vocab_size=meta.vocab_size,
            classes=len(meta.labels),
            ngrams=config.ngrams,
            features=len(features.keys),
            slots=len(features.slots),
            pieces=len(spelling.idf),
            spelled=len(spelling.piece),
            wide_scale=config.wide_scale,
            piece_scale=config.piece_scale,
            width=config.width,
            hidden=config.hidden,
            dropout=config.dropout,
        )
    )
    bag.know(features, spelling)
    return bag


def start_from_vectors(embedding: nn.Embedding, prepared: Path, width: int) -> None:
    """Copy the word vectors that `prepared` holds, if any, into the rows of the tokens that have one.

    Vectors are scaled to the spread of the random rows, which the other tokens keep.
    Raises UserError where vectors are of another width than the model.
    """
    path = prepared / "vectors.npy"
    if not path.is_file():
        return
    vectors: npt.NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    if vectors.shape[1] != width:
        raise UserError(
            f"model.vectors has {vectors.shape[1]} numbers a word, model.width is {width}: make them equal."
        )
    known = np.flatnonzero(np.abs(vectors).sum(axis=1))
    if not len(known):
        return
    rows = torch.from_numpy(vectors[known])
    with torch.no_grad():
        embedding.weight[torch.from_numpy(known)] = rows * (embedding.weight.std() / rows.std())


def save(model: nn.Module, folder: Path) -> None:
    """Write `model.safetensors` and `model.json` in `folder`; equal models give equal bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_whole(folder / WEIGHTS, safetensors.torch.save(tensors))
    kind, architecture = model.kind, model.architecture
    write_json(folder / ARCHITECTURE, {"kind": kind, "architecture": architecture})


def load(folder: Path) -> nn.Module:
    """The model that `save` wrote, in evaluation mode. Raises UserError naming the file that is missing or damaged."""
    stored = read_json(folder / ARCHITECTURE, "train")
    with written_by("train", folder / ARCHITECTURE):
        model: nn.Module = KINDS[stored["kind"]].of(stored["architecture"])
    with written_by("train", folder / WEIGHTS):
        model.load_state_dict(safetensors.torch.load((folder / WEIGHTS).read_bytes()))
    return model.eval()
