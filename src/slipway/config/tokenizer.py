"""What `model.tokenizer` and `model.vectors` may say."""

from typing import Annotated, Literal

from pydantic import Field

from slipway.config.section import Section

Length = Annotated[int, Field(ge=1, le=8192)]


class Trained(Section):
    """What the trained kinds share: their size, and the cleaning that becomes tokenizer.json's normaliser."""

    vocab_size: int = Field(ge=300, le=1_000_000)
    max_length: Length
    min_frequency: int = Field(ge=1)
    lower_case: bool
    strip_accents: bool
    strip_punctuation: bool
    strip_digits: bool
    stop_words: Literal["english"] | tuple[Annotated[str, Field(min_length=1)], ...]


class Bpe(Trained):
    """Byte-level BPE: no text is ever unknown to it."""

    kind: Literal["bpe"]


class Words(Trained):
    """Whole words and runs of punctuation; rare ones are unknown."""

    kind: Literal["words"]


class Pretrained(Section):
    """The tokenizer.json of a Hugging Face model, from a local folder or by name from the hub."""

    kind: Literal["pretrained"]
    name: str = Field(min_length=1)
    revision: str | None = None
    max_length: Length


TokenizerConfig = Annotated[Bpe | Words | Pretrained, Field(discriminator="kind")]


class Vectors(Section):
    """A GloVe text file. With `sha256` set, another file under the same name is refused."""

    path: str = Field(min_length=1)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
