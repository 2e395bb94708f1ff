"""Schema of `conf/compute/`: the machine that trains."""

from typing import Literal

from pydantic import Field

from slipway.config.section import Section


class Compute(Section):
    """Where `train` runs."""

    kind: Literal["local"]
    checkpoint_minutes: float = Field(ge=0, le=1440)
