"""Schema of `conf/serve/`: how the model is packed, and what a request may hold."""

from typing import Annotated, Literal

from pydantic import Field

from slipway.config.section import Section

Text = Annotated[str, Field(min_length=1, max_length=10_000)]


class Limits(Section):
    """What one request may hold; more is refused before any work is done."""

    texts: int = Field(ge=1, le=10_000)
    characters: int = Field(ge=1, le=1_000_000)
    body_bytes: int = Field(ge=1_000, le=6_291_456)


class Int8(Section):
    """Whether 8-bit weights are tried, and what they may cost on the validation split."""

    scopes: tuple[Literal["all", "embeddings"], ...]
    max_accuracy_drop: float = Field(ge=0, le=1)
    max_batch_shift: float = Field(gt=0, le=100)
    tolerance: float = Field(gt=0, lt=1)


class Recorded(Section):
    """The predictions that the bundle carries, so that a smoke test can ask for them again elsewhere."""

    count: int = Field(ge=1, le=1_000)
    texts: tuple[Text, ...] = ()
    tolerance: float = Field(gt=0, lt=1)


class ServeConfig(Section):
    """The section `serve`."""

    limits: Limits
    token_budget: int = Field(ge=1, le=10_000_000)
    parity_tolerance: float = Field(gt=0, le=1)
    int8: Int8
    recorded: Recorded
