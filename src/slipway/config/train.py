"""What `train` may say: how long, how fast, and what counts as better."""

from typing import Annotated, Literal

from pydantic import Field

from slipway.config.section import Section

Share = Annotated[float, Field(ge=0, lt=1)]


class TrainConfig(Section):
    """The training loop's settings; the learning rate belongs to the model."""

    epochs: int = Field(ge=1, le=10_000)
    seed: int = Field(ge=0, le=2**31 - 1)
    threads: int = Field(ge=1, le=1024)
    # padded tokens in one batch, and batches in one update
    token_budget: int = Field(ge=1, le=10_000_000)
    accumulate: int = Field(ge=1, le=4096)
    # shares of all updates, and of the peak learning rate
    warmup: Share
    final_lr: float = Field(ge=0, le=1)
    weight_decay: float = Field(ge=0, le=10)
    clip_norm: float | None = Field(gt=0)
    label_smoothing: Share
    class_weights: Literal["none", "balanced", "root"]
    # the validation metric that picks the best epoch, and the epochs without a better one before training stops
    metric: Literal["accuracy", "macro_f1", "log_loss"]
    patience: int | None = Field(ge=1)
    precision: Literal["fp32", "bf16"]
    compile: bool
