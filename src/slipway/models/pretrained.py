"""Any Hugging Face encoder behind the forward that all models share."""

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from slipway.config.model import Pretrained as PretrainedConfig
from slipway.data.prepared import Meta
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
        encoder = transformers.AutoModel.from_config(config)
        return cls(encoder, architecture["classes"], architecture["dropout"], architecture["pooling"])

    @classmethod
    def fetch(cls, config: PretrainedConfig, meta: Meta) -> "Pretrained":
        """The encoder of `config` with its weights and a new head for the classes of `meta`.

        Only safetensors are read and no code of the repository runs. Raises UserError where the model cannot be had,
        or cannot read what the tokenizer gives.
        """
        transformers = _transformers()
        try:
            encoder = transformers.AutoModel.from_pretrained(
                config.name,
                revision=config.revision,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=torch.float32,
                local_files_only=Path(config.name).is_dir(),
            )
        except (OSError, ValueError, ImportError) as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"model.name: {config.name}: {reason} {MEND}") from error
        if config.freeze:
            encoder.requires_grad_(False)
        model = cls(encoder, len(meta.labels), config.dropout, config.pooling)
        model.must_read(config, meta)
        return model

    def must_read(self, config: PretrainedConfig, meta: Meta) -> None:
        """Raise UserError where the encoder has no place for a token of the tokenizer, or for so many of them."""
        if self.encoder.config.is_encoder_decoder:  # type: ignore[union-attr]
            raise UserError(f"model.name: {config.name} is an encoder and a decoder. {MEND}")
        known = self.encoder.get_input_embeddings().num_embeddings  # type: ignore[operator]
        if meta.vocab_size > known:
            raise UserError(
                f"model.tokenizer: it gives {meta.vocab_size:,} different tokens, {config.name} knows {known:,}. Set "
                "model.tokenizer.name to the tokenizer of model.name."
            )
        token = next(token for token in range(2) if token != meta.pad_id)
        longest = torch.full((1, meta.max_length), token)
        try:
            with torch.inference_mode():
                self.eval()(longest, torch.ones_like(longest))
        except (RuntimeError, IndexError, ValueError) as error:
            places = getattr(self.encoder.config, "max_position_embeddings", None)
            raise UserError(
                f"model.tokenizer.max_length: {config.name} cannot read a text of {meta.max_length} tokens ({error}). "
                f"Lower it{f': it has {places} places, of which some encoders keep a few' if places else ''}."
            ) from error
        self.train()

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
