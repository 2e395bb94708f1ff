"""What `model` may say: `kind` chooses one of three architectures."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from slipway.config.section import Section
from slipway.config.tokenizer import TokenizerConfig, Vectors

Rate = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Model(Section):
    """What every kind has: the learning rate of AdamW, the tokenizer it reads, word vectors to start from."""

    lr: Rate
    tokenizer: TokenizerConfig
    vectors: Vectors | None = None


class Bag(Model):
    """Wide and deep over unordered tokens: a linear term over n-grams plus pooled embeddings."""

    kind: Literal["bag"]
    # wide: the linear term over token n-grams
    ngrams: int = Field(ge=1, le=5)
    min_count: int = Field(ge=1)
    max_features: int = Field(ge=1, le=5_000_000)
    wide_lr: float = Field(gt=0, le=1000)
    wide_scale: float = Field(gt=0, le=1000)
    # the linear term over runs of characters inside a token: shortest and longest run
    pieces: tuple[Annotated[int, Field(ge=1, le=20)], Annotated[int, Field(ge=1, le=20)]]
    piece_lr: Rate
    piece_scale: float = Field(gt=0, le=1000)
    # deep: pooled embeddings through one hidden layer
    width: int = Field(ge=1, le=4096)
    hidden: int = Field(ge=1, le=16384)
    dropout: Share

    @field_validator("pieces")
    @classmethod
    def _shortest_first(cls, pieces: tuple[int, int]) -> tuple[int, int]:
        if pieces[0] > pieces[1]:
            raise ValueError(f"the shortest run, {pieces[0]}, is longer than the longest, {pieces[1]}")
        return pieces


class Encoder(Model):
    """A pre-norm transformer trained from scratch, mean-pooled."""

    kind: Literal["encoder"]
    width: int = Field(ge=1, le=8192)
    layers: int = Field(ge=1, le=96)
    heads: int = Field(ge=1, le=128)
    # the feed-forward layer's width, as a multiple of `width`
    expansion: int = Field(ge=1, le=16)
    dropout: Share
    token_dropout: Share

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        return self


class Pretrained(Model):
    """A Hugging Face encoder by name or local folder, with a linear head. Needs the extra `pretrained`."""

    kind: Literal["pretrained"]
    name: str = Field(min_length=1)
    revision: str | None = None
    dropout: Share
    # how the token states become one vector: the first token's, or their mean
    pooling: Literal["first", "mean"]
    # only the head is trained
    freeze: bool


ModelConfig = Annotated[Bag | Encoder | Pretrained, Field(discriminator="kind")]
