"""Schema of `card` in conf/config.yaml: what only a person can say of the model."""

from pydantic import Field

from slipway.config.section import Section


class Card(Section):
    """What the model card says of the model's purpose."""

    owner: str = Field(min_length=1)
    intended_use: str = Field(min_length=1)
    limits: str = Field(min_length=1)
