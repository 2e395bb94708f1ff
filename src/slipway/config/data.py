"""What `data` may say: where the rows come from, what is checked, how they are cleaned and split."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from slipway.config.section import Section

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Text = Annotated[str, Field(min_length=1)]


class AwsDocs(Section):
    """Sentences of AWS's API documentation, as the installed botocore carries it; the label is the service."""

    kind: Literal["aws_docs"]
    services: tuple[Text, ...] = Field(min_length=2)
    sentences: int = Field(ge=1)
    min_words: int = Field(ge=1)
    max_words: int = Field(ge=1)

    @model_validator(mode="after")
    def _some_sentences_fit(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(f"no sentence has min_words {self.min_words} and max_words {self.max_words}")
        return self


class NewsAggregator(Section):
    """Headlines of the UCI News Aggregator: `member` of the zip at `url`."""

    kind: Literal["news_aggregator"]
    url: Text
    sha256: Sha256 | None
    member: Text
    member_sha256: Sha256 | None
    publishers: tuple[Text, ...]
    labels: dict[str, Text]


class Imdb(Section):
    """Film reviews of the Stanford tarball at `url`, with its official split."""

    kind: Literal["imdb"]
    url: Text
    sha256: Sha256 | None


class Files(Section):
    """A path or URL a split; `validation` and `test` may be absent."""

    train: Text
    validation: Text | None = None
    test: Text | None = None


class Checksums(Section):
    """SHA-256 of each of the files; null is not checked."""

    train: Sha256 | None = None
    validation: Sha256 | None = None
    test: Sha256 | None = None


class Banking77(Section):
    """Questions to a bank in 77 classes, with their official split."""

    kind: Literal["banking77"]
    files: Files
    sha256: Checksums


class Columns(Section):
    """Which columns hold what; `split` is absent where the rows carry no official split."""

    text: Text
    label: Text
    split: Text | None


class Csv(Section):
    """Delimited text, from local paths or URLs."""

    kind: Literal["csv"]
    files: Files
    sha256: Checksums
    names: tuple[Text, ...] | None
    columns: Columns
    delimiter: str = Field(min_length=1, max_length=1)
    quoting: Literal["standard", "none"]
    encoding: Text
    labels: dict[str, Text]


SourceConfig = Annotated[AwsDocs | NewsAggregator | Imdb | Banking77 | Csv, Field(discriminator="kind")]


class Drift(Section):
    """How far a new profile may be from the baseline before a warning."""

    shares: Share
    unknown: Share


class Checks(Section):
    """What a row and a data set must be."""

    labels: tuple[Text, ...] | None
    min_rows: int = Field(ge=1)
    max_chars: int = Field(ge=1)
    drift: Drift


class Clean(Section):
    """What happens to duplicates, to one text with two labels, and to training rows that also stand in test."""

    duplicates: Literal["drop", "keep", "error"]
    conflicts: Literal["drop", "majority", "error"]
    leaks: Literal["drop", "error"]


class Split(Section):
    """Shares of the rows, and from which similarity on texts go to the same split."""

    validation: float = Field(gt=0, lt=1)
    test: float = Field(gt=0, lt=1)
    near_duplicates: Annotated[float, Field(ge=0.5, le=1)] | None

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation {self.validation} + test {self.test} leave nothing to train on")
        return self


class DataConfig(Section):
    """The data set `name`."""

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]*$")
    about: Text
    source: SourceConfig
    checks: Checks
    clean: Clean
    split: Split
