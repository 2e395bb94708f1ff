"""What a training job may cost, and what it did: https://aws.amazon.com/sagemaker/pricing."""

from slipway.config.compute import SageMakerCompute
from slipway.errors import UserError

SHORTEST = 60  # seconds: below that nothing could be trained


def limit_seconds(compute: SageMakerCompute, instance_type: str, spent_usd: float) -> int:
    """How long the next attempt may run: `max_hours`, or less where `max_cost_usd` less what is spent allows no more.

    The price is that of machines on demand, which spot machines never exceed. Raises UserError where the ceiling is
    reached, or the type's price is not known.
    """
    seconds = int(compute.max_hours * 3600)
    if compute.max_cost_usd is None:
        return seconds
    price = cost_usd(compute, instance_type, 1.0)
    if price is None:
        raise UserError(
            f"no price for {instance_type} is known, so compute.max_cost_usd cannot be kept: add it to prices_usd in "
            "conf/compute/sagemaker.yaml, or set compute.max_cost_usd to null."
        )
    left = compute.max_cost_usd - spent_usd
    seconds = min(seconds, int(left / price))
    if seconds < SHORTEST:
        raise UserError(
            f"compute.max_cost_usd is {compute.max_cost_usd:.2f}, and earlier attempts cost {spent_usd:.2f}: what is "
            f"left is not a minute of {compute.instance_count} x {instance_type}. Raise it, or choose other types."
        )
    return seconds


def cost_usd(
    compute: SageMakerCompute, instance_type: str, billed_seconds: float, count: int | None = None
) -> float | None:
    """US dollars for that many billed seconds of each machine; None where the type's price is not known."""
    price = compute.prices_usd.get(instance_type)
    if price is None:
        return None
    return price * (compute.instance_count if count is None else count) * billed_seconds / 3600
