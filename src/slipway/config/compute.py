"""Schema of `conf/compute/`: the machine that trains."""

from typing import Literal

from slipway.config.section import Section


class Compute(Section):
    """Where `train` runs."""

    kind: Literal["local"]
