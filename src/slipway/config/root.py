"""The whole configuration: what defines a model, and what one run may choose besides."""

from slipway.config.card import Card
from slipway.config.compute import Compute
from slipway.config.data import DataConfig
from slipway.config.gate import GateConfig
from slipway.config.model import ModelConfig
from slipway.config.section import Section
from slipway.config.serve import ServeConfig
from slipway.config.tracking import TrackingConfig
from slipway.config.train import TrainConfig


class Resolved(Section):
    """What `resolved.yaml` holds: two checkouts with the same values train the same model."""

    data: DataConfig
    model: ModelConfig
    train: TrainConfig
    gate: GateConfig
    serve: ServeConfig
    card: Card


class Runtime(Section):
    """Where a run happens and who watches it: never part of a model's identity."""

    compute: Compute
    tracking: TrackingConfig
