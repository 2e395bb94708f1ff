"""The encoder's attention sees the tokens of a text and nothing else."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from pydantic import ValidationError
from torch import nn

from slipway.config.model import Encoder as EncoderConfig
from slipway.models.encoder import Encoder, EncoderShape

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    shape = EncoderShape(
        vocab_size=50, max_length=24, classes=3, unk_id=1, width=16, layers=2, heads=4, expansion=2, dropout=0.0,
        token_dropout=0.5,
    )  # fmt: skip
    model = Encoder(shape)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture
def texts() -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randint(2, 50, (size,)) for size in (1, 3, 9, 15)]


def padded(texts: list[torch.Tensor], width: int, fill: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids, mask = torch.full((len(texts), width), fill), torch.zeros((len(texts), width), dtype=torch.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    return ids, mask


def test_padding_is_never_seen(encoder: Encoder, texts: list[torch.Tensor]) -> None:
    alone = torch.cat([encoder(text[None], torch.ones_like(text[None])) for text in texts])
    for width, fill in ((15, 0), (24, 7)):
        torch.testing.assert_close(encoder(*padded(texts, width, fill)), alone, rtol=1e-4, atol=1e-5)


def test_tokens_are_seen_in_their_order(encoder: Encoder, texts: list[torch.Tensor]) -> None:
    text = texts[-1][None]
    turned = text.flip(1)
    assert not torch.allclose(encoder(text, torch.ones_like(text)), encoder(turned, torch.ones_like(turned)), atol=1e-3)


def test_a_text_without_tokens_has_finite_logits(encoder: Encoder) -> None:
    ids = torch.zeros((2, 4), dtype=torch.int64)
    assert torch.isfinite(encoder(ids, torch.zeros_like(ids))).all()


def test_tokens_are_dropped_in_training_only(encoder: Encoder, texts: list[torch.Tensor]) -> None:
    ids, mask = padded(texts, 15, 0)
    assert torch.equal(encoder(ids, mask), encoder(ids, mask))
    encoder.train()
    assert not torch.equal(encoder(ids, mask), encoder(ids, mask))


def test_heads_must_divide_the_width() -> None:
    content = yaml.safe_load((ROOT / "conf" / "model" / "encoder.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError, match="width 130 is not a multiple of heads 4"):
        EncoderConfig.model_validate_json(json.dumps(content | {"width": 130}))
