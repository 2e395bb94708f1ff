"""Wide and deep over unordered tokens: fast to train on a CPU, and hard to beat on short texts.

After Cheng et al. 2016 (wide and deep), Wang and Manning 2012 (linear terms over n-grams) and Joulin et al. 2017
(hashed n-grams, pooled embeddings).
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from slipway.models.ngrams import Features, hashes, starts

FAR_BELOW = -1e4


@dataclass(frozen=True)
class BagShape:
    """All sizes and constants of a Bag that are not in its tensors."""

    vocab_size: int
    classes: int
    unk_id: int
    ngrams: int
    features: int
    slots: int
    wide_scale: float
    width: int
    hidden: int
    dropout: float
    token_dropout: float


class Bag(nn.Module):
    """A normalised, idf-weighted linear term over n-grams, plus a small network over pooled embeddings."""

    kind: ClassVar[str] = "bag"

    def __init__(self, shape: BagShape) -> None:
        super().__init__()
        self.shape = shape
        self.slots: Tensor
        self.keys: Tensor
        self.idf: Tensor
        self.register_buffer("slots", torch.zeros(shape.slots, dtype=torch.int64))
        self.register_buffer("keys", torch.full((shape.features,), -1))
        self.register_buffer("idf", torch.zeros(shape.features))
        self.wide = nn.Embedding(shape.features, shape.classes, sparse=True)
        self.embedding = nn.Embedding(shape.vocab_size, shape.width, sparse=True)
        self.deep = nn.Sequential(
            nn.LayerNorm(2 * shape.width),
            nn.Dropout(shape.dropout),
            nn.Linear(2 * shape.width, shape.hidden),
            nn.GELU(),
            nn.Dropout(shape.dropout),
            nn.Linear(shape.hidden, shape.classes),
        )
        nn.init.zeros_(self.wide.weight)
        nn.init.normal_(self.embedding.weight, std=0.1)

    @property
    def architecture(self) -> dict[str, Any]:
        """What `model.json` holds."""
        return asdict(self.shape)

    @classmethod
    def of(cls, architecture: dict[str, Any]) -> "Bag":
        """The untrained model of an `architecture`."""
        return cls(BagShape(**architecture))

    def know(self, features: Features) -> None:
        """Take over the n-grams of a training set."""
        self.slots.copy_(torch.from_numpy(features.slots))
        self.keys.copy_(torch.from_numpy(features.keys))
        self.idf.copy_(torch.from_numpy(features.idf))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits float32 (batch, classes) of int64 ids and mask (batch, sequence)."""
        if self.training and self.shape.token_dropout:
            dropped = torch.rand(input_ids.shape, device=input_ids.device) < self.shape.token_dropout
            input_ids = torch.where(dropped, self.shape.unk_id, input_ids)
        return self._wide(input_ids, attention_mask) + self._deep(input_ids, attention_mask)

    def _wide(self, ids: Tensor, mask: Tensor) -> Tensor:
        features, weights = [], []
        for hashed, inside in zip(hashes(ids, self.shape.ngrams), starts(mask, self.shape.ngrams), strict=True):
            feature = self.slots[hashed % self.shape.slots]
            feature = feature * ((self.keys[feature] == hashed) & (inside > 0))
            features.append(feature)
            weights.append(self.idf[feature])
        feature, weight = torch.cat(features, dim=1), torch.cat(weights, dim=1)
        total = torch.einsum("bf,bfc->bc", weight, self.wide(feature))
        norm = weight.square().sum(dim=1, keepdim=True).clamp(min=1e-6).sqrt()
        return self.shape.wide_scale * total / norm

    def _deep(self, ids: Tensor, mask: Tensor) -> Tensor:
        inside = mask.unsqueeze(2).float()
        states = self.embedding(ids) * inside
        count = inside.sum(dim=1)
        mean = states.sum(dim=1) / count.clamp(min=1)
        # a text without tokens has no maximum: 0 then
        highest = (states + FAR_BELOW * (1 - inside)).amax(dim=1) * (count > 0)
        logits: Tensor = self.deep(torch.cat([mean, highest], dim=1))
        return logits
