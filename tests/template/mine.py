"""The mean of the tokens' embeddings, and a linear layer: an architecture of a project's own, as docs/adapt.md says."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Mine(nn.Module):
    """Embeddings, their mean over the tokens, a linear head."""

    kind: ClassVar[str] = "mine"

    def __init__(self, vocab_size: int, width: int, classes: int) -> None:
        super().__init__()
        self.architecture: dict[str, Any] = {"vocab_size": vocab_size, "width": width, "classes": classes}
        self.embedding = nn.Embedding(vocab_size, width)
        self.head = nn.Linear(width, classes)

    @classmethod
    def of(cls, architecture: dict[str, Any]) -> "Mine":
        """The untrained model of an `architecture`."""
        return cls(**architecture)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits float32 (batch, classes) of int64 ids and mask (batch, sequence)."""
        inside = attention_mask.unsqueeze(2).float()
        mean = (self.embedding(input_ids) * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)
        logits: Tensor = self.head(torch.tanh(mean))
        return logits
