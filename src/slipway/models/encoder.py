"""A small pre-norm transformer (Xiong et al. 2020), trained from scratch."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class EncoderShape:
    """All sizes and constants of an Encoder that are not in its tensors."""

    vocab_size: int
    max_length: int
    classes: int
    unk_id: int
    width: int
    layers: int
    heads: int
    expansion: int
    dropout: float
    token_dropout: float


class Layer(nn.Module):
    """Attention and a feed-forward network, each behind its norm and added to what came in."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.heads, self.rate = shape.heads, shape.dropout
        self.before_attention = nn.LayerNorm(shape.width)
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width)
        self.merge = nn.Linear(shape.width, shape.width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(shape.width),
            nn.Linear(shape.width, shape.expansion * shape.width),
            nn.GELU(),
            nn.Linear(shape.expansion * shape.width, shape.width),
            nn.Dropout(shape.dropout),
        )

    def forward(self, states: Tensor, visible: Tensor) -> Tensor:
        """States (batch, sequence, width); `visible` bool (batch, 1, 1, sequence) is true where there is a token."""
        batch, length, width = states.shape
        heads = self.query_key_value(self.before_attention(states)).view(
            batch, length, 3, self.heads, width // self.heads
        )
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        dropout = self.rate if self.training else 0.0
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=visible, dropout_p=dropout)
        seen = self.merge(seen.transpose(1, 2).reshape(batch, length, width))
        states = states + F.dropout(seen, self.rate, self.training)
        out: Tensor = states + self.feed_forward(states)
        return out


class Encoder(nn.Module):
    """Token and position embeddings, layers, the mean over the tokens, a linear head."""

    kind: ClassVar[str] = "encoder"

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab_size, shape.width)
        self.position = nn.Embedding(shape.max_length, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.head = nn.Linear(shape.width, shape.classes)
        nn.init.normal_(self.embedding.weight, std=0.1)
        nn.init.normal_(self.position.weight, std=0.02)

    @property
    def architecture(self) -> dict[str, Any]:
        """What `model.json` holds."""
        return asdict(self.shape)

    @classmethod
    def of(cls, architecture: dict[str, Any]) -> "Encoder":
        """The untrained model of an `architecture`."""
        return cls(EncoderShape(**architecture))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits float32 (batch, classes) of int64 ids and mask (batch, sequence), sequence up to max_length."""
        if self.training and self.shape.token_dropout:
            dropped = torch.rand(input_ids.shape, device=input_ids.device) < self.shape.token_dropout
            input_ids = torch.where(dropped, self.shape.unk_id, input_ids)
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        states = F.dropout(self.embedding(input_ids) + self.position(places), self.shape.dropout, self.training)
        # the first place is always visible: attention over nothing would be NaN for a text without tokens
        visible = ((attention_mask > 0) | (places == 0))[:, None, None, :]
        for layer in self.layers:
            states = layer(states, visible)
        inside = attention_mask.unsqueeze(2).float()
        mean = (self.norm(states) * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)
        logits: Tensor = self.head(F.dropout(mean, self.shape.dropout, self.training))
        return logits
