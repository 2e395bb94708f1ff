"""Schema of `conf/compute/`: the machine that trains."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from slipway.config.section import Section

InstanceType = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html
TagKey = Annotated[str, Field(pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$", min_length=1, max_length=128)]
TagValue = Annotated[str, Field(pattern=r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$", max_length=256)]
Hours = Annotated[float, Field(gt=0, le=672)]  # SageMaker's limit is 28 days


class Place(Section):
    """What holds wherever `train` runs."""

    checkpoint_minutes: float = Field(ge=0, le=1440)
    # training processes on each machine; null is one a GPU, or one
    processes: int | None = Field(ge=1, le=64)
    # whether a job may be started; one that is running or done is waited for and fetched all the same
    submit: bool


class LocalCompute(Place):
    """This machine."""

    kind: Literal["local"]


class ContainerCompute(Place):
    """The training image, on this machine."""

    kind: Literal["container"]
    device: Literal["cpu", "gpu"]


class SageMakerCompute(Place):
    """Training jobs of SageMaker. Where bucket, role and repository come from: terraform/platform's outputs."""

    kind: Literal["sagemaker"]
    region: str | None = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    bucket: str | None = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    role: str | None = Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")
    # the registry's, without a tag
    repository: str | None = Field(
        pattern=r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[a-z0-9][a-z0-9._/-]+$"
    )
    instance_types: tuple[InstanceType, ...] = Field(min_length=1)
    instance_count: int = Field(ge=1, le=20)
    volume_gb: int = Field(ge=1, le=16384)
    spot: bool
    max_hours: Hours
    max_wait_hours: Hours
    max_cost_usd: float | None = Field(gt=0)
    warm_pool_minutes: int = Field(ge=0, le=60)
    kms_key: str | None = Field(pattern=r"^[a-zA-Z0-9:/_-]{1,2048}$")
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    network_isolation: bool
    encrypt_between_machines: bool
    # whether a job that failed by its own fault is tried again as it is
    retry: bool
    tags: dict[TagKey, TagValue | None]
    prices_usd: dict[InstanceType, Annotated[float, Field(gt=0)]]

    @field_validator("tags", mode="before")
    @classmethod
    def _numbers_are_text(cls, tags: object) -> object:
        if not isinstance(tags, dict):
            return tags
        return {key: str(value) if isinstance(value, int) else value for key, value in tags.items()}

    @model_validator(mode="after")
    def _what_excludes_each_other(self) -> Self:
        if self.spot and self.warm_pool_minutes:
            raise ValueError("spot and warm_pool_minutes exclude each other: set spot to false, or the minutes to 0")
        old = [kind for kind in self.instance_types if kind.startswith(("ml.p2.", "ml.p3."))]
        if old:
            raise ValueError(f"{old[0]} has a GPU that CUDA 13, which the training image holds, does not know")
        other = [kind for kind in self.instance_types if kind.startswith(("ml.trn", "ml.inf", "ml.p6e-"))]
        if other:
            raise ValueError(f"{other[0]} needs another training image than there is, which is for x86 and NVIDIA GPUs")
        if bool(self.subnets) != bool(self.security_groups):
            raise ValueError("subnets and security_groups belong together: set both, or neither")
        return self


Compute = Annotated[LocalCompute | ContainerCompute | SageMakerCompute, Field(discriminator="kind")]
