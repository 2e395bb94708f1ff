"""Schema of `conf/gate/`: what must hold before a model may take the champion's place."""

from typing import Literal

from pydantic import Field, model_validator

from slipway.config.section import Section

Answer = Literal["promote", "keep", "block"]


class Baseline(Section):
    """The linear model that stands beside every model."""

    ngrams: int = Field(ge=1, le=5)
    c: float = Field(gt=0, le=1000)


class OnTie(Section):
    """The verdict where the test rows cannot tell the model from its opponent."""

    champion: Answer
    baseline: Answer


class Budgets(Section):
    """The most that is allowed of each; None is no budget."""

    latency_ms: float | None = Field(gt=0)
    size_mb: float | None = Field(gt=0)
    calibration_error: float | None = Field(gt=0, le=1)
    batch_changes: float | None = Field(ge=0, le=1)


class GateConfig(Section):
    """The section `gate`."""

    alpha: float = Field(gt=0, le=0.5)
    resamples: int = Field(ge=100, le=100_000)
    seed: int = Field(ge=0, lt=2**32)
    baseline: Baseline
    on_tie: OnTie
    budgets: Budgets
    enforce: bool

    @model_validator(mode="after")
    def a_difference_can_be_seen(self) -> "GateConfig":
        """Refuse a level that so few resamples can never reach: such a gate could not fail."""
        if self.alpha * (self.resamples + 1) < 4:
            raise ValueError(
                f"resamples: {self.resamples} is too few to see anything at alpha {self.alpha:g}: "
                f"at least {round(4 / self.alpha)}"
            )
        return self
