"""Schema of `conf/tracking/`: where runs are recorded."""

from pydantic import Field

from slipway.config.section import Section


class TrackingConfig(Section):
    """An MLflow server or file, or none."""

    uri: str | None = Field(min_length=1)
    experiment: str = Field(min_length=1)
    registered_model: str = Field(min_length=1)
    system_metrics: bool
