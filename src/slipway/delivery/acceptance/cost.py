"""What an acceptance may cost at most, before it begins."""

import os
from pathlib import Path

import yaml

from slipway.compute.sagemaker.price import cost_usd, limit_seconds
from slipway.config.compose import runtime
from slipway.config.compute import SageMakerCompute
from slipway.errors import UserError

LIMIT_USD = 5.0
# images, alarms, log lines, requests, a key's use, for a day: cents, generously
OTHER_USD = 0.5
WORKFLOW = Path(".github/workflows/train.yml")


def cheapest() -> str:
    """The instance type with the lowest price of conf/ that the form of train.yml offers."""
    prices = compute_with().prices_usd
    form = yaml.load(WORKFLOW.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - strings alone
    offered = form["on"]["workflow_dispatch"]["inputs"]["instance_type"]["options"]
    known = {kind: price for kind, price in prices.items() if kind in offered}
    if not known:
        raise UserError(f"no type in {WORKFLOW} has a price in conf/compute/sagemaker.yaml: add one.")
    return min(known, key=known.__getitem__)


def most_usd(kind: str) -> float:
    """US dollars, if the training lasts as long as it may. Raises UserError where that is above the limit."""
    compute = compute_with(f"compute.instance_types=[{kind}]", "compute.instance_count=1")
    training = cost_usd(compute, kind, limit_seconds(compute, kind, 0.0))
    assert training is not None  # limit_seconds knows its price
    most = training + OTHER_USD
    if most > LIMIT_USD:
        raise UserError(
            f"it may cost ${most:.2f}, more than ${LIMIT_USD:.2f}: lower compute.max_hours or compute.max_cost_usd in "
            "conf/compute/sagemaker.yaml. Nothing was started."
        )
    return most


def compute_with(*words: str) -> SageMakerCompute:
    """What conf/ says of SageMaker. Raises UserError where this shell says otherwise, of which no workflow knows."""
    unknown = ("SLIPWAY_COMPUTE", "SLIPWAY_OVERRIDES")
    if told := [name for name in unknown if os.environ.get(name)]:
        raise UserError(f"{' and '.join(told)} must not be set: what trains reads conf/ and the form alone.")
    found = runtime(["compute=sagemaker", *words]).compute
    assert isinstance(found, SageMakerCompute)
    return found
