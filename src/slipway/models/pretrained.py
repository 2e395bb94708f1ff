"""Any Hugging Face encoder behind the forward that all models share."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from slipway.config.model import Pretrained as PretrainedConfig
from slipway.errors import UserError

MEND = (
    "Set model.name to an encoder on the Hugging Face hub, or to a folder that holds config.json and model.safetensors."
)


class Pretrained(nn.Module):
    """An encoder, one vector a text, dropout and a linear head."""

    kind: ClassVar[str] = "pretrained"

    def __init__(self, encoder: nn.Module, classes: int, dropout: float, pooling: str) -> None:
        super().__init__()
        self.encoder = encoder
        self.classes, self.pooling = classes, pooling
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, classes)  # type: ignore[union-attr,arg-type]
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    @property
    def architecture(self) -> dict[str, Any]:
        """What `model.json` holds: the encoder's whole configuration, so that loading needs no hub."""
        config = self.encoder.config.to_dict()  # type: ignore[union-attr,operator]
        # where it came from and with which release is no part of what it is
        for key in ("_name_or_path", "transformers_version"):
            config.pop(key, None)
        return {"encoder": config, "classes": self.classes, "dropout": self.dropout.p, "pooling": self.pooling}

    @classmethod
    def of(cls, architecture: dict[str, Any]) -> "Pretrained":
        """The untrained model of an `architecture`."""
        transformers = _transformers()
        values = dict(architecture["encoder"])
        config = transformers.AutoConfig.for_model(values.pop("model_type"), **values)
        encoder = transformers.AutoModel.from_config(config, attn_implementation="sdpa")
        return cls(encoder, architecture["classes"], architecture["dropout"], architecture["pooling"])

    @classmethod
    def fetch(cls, config: PretrainedConfig, classes: int) -> "Pretrained":
        """The encoder of `config` with its weights and a new head.

        Only safetensors are read and no code of the repository runs. Raises UserError where the model cannot be had.
        """
        transformers = _transformers()
        try:
            encoder = transformers.AutoModel.from_pretrained(
                config.name,
                revision=config.revision,
                use_safetensors=True,
                trust_remote_code=False,
                attn_implementation="sdpa",
                dtype=torch.float32,
                local_files_only=Path(config.name).is_dir(),
            )
        except (OSError, ValueError, ImportError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"model.name: {config.name}: {reason} {MEND}") from error
        if config.freeze:
            encoder.requires_grad_(False)
        return cls(encoder, classes, config.dropout, config.pooling)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits float32 (batch, classes) of int64 ids and mask (batch, sequence)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pooling == "first":
            vector = states[:, 0]
        else:
            inside = attention_mask.unsqueeze(2).to(states.dtype)
            vector = (states * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1)
        logits: Tensor = self.head(self.dropout(vector))
        return logits


def _transformers() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise UserError("model=pretrained needs the extra `pretrained`: pip install -e '.[pretrained]'.") from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers
