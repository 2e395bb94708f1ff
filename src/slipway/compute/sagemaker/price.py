"""What a training job may cost, and what it did: https://aws.amazon.com/sagemaker/pricing."""

from slipway.config.compute import SageMakerCompute
from slipway.errors import UserError

SHORTEST = 60  # seconds: below that nothing could be trained


def limit_seconds(compute: SageMakerCompute, instance_type: str, spent_usd: float | None) -> int:
    """How long the next attempt may run: `max_hours`, or less where `max_cost_usd` less what is spent allows no more.

    The price is that of machines on demand, which spot machines never exceed; the warm pool afterwards is paid too.
    Raises UserError where the ceiling is reached, or a price is not known: the type's, or of what is spent (None).
    """
    seconds = int(compute.max_hours * 3600)
    if compute.max_cost_usd is None:
        return seconds
    price = cost_usd(compute, instance_type, 1.0)
    if price is None or spent_usd is None:
        unknown = instance_type if price is None else "the type of an earlier attempt"
        raise UserError(
            f"no price for {unknown} is known, so compute.max_cost_usd cannot be kept: add it to prices_usd in "
            "conf/compute/sagemaker.yaml, or set compute.max_cost_usd to null."
        )
    left = compute.max_cost_usd - spent_usd
    seconds = min(seconds, int(left / price) - 60 * compute.warm_pool_minutes)
    if seconds < SHORTEST:
        raise UserError(
            f"compute.max_cost_usd is {compute.max_cost_usd:.2f}, and earlier attempts cost {spent_usd:.2f}: what is "
            f"left is not a minute of {compute.instance_count} x {instance_type}"
            f"{', and of its warm pool' if compute.warm_pool_minutes else ''}. Raise it, or choose other types."
        )
    return seconds


def cost_usd(
    compute: SageMakerCompute, instance_type: str, billed_seconds: float, count: int | None = None
) -> float | None:
    """US dollars for that many billed seconds of each machine; None where the type's price is not known."""
    price = compute.prices_usd.get(instance_type)
    if price is None:
        return None if billed_seconds else 0.0
    return price * (compute.instance_count if count is None else count) * billed_seconds / 3600
