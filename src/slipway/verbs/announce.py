"""`slipway announce`: tells a pull request which job trains for it, and what that may cost."""

from slipway.compute.project import order
from slipway.compute.sagemaker.price import cost_usd
from slipway.config.compute import SageMakerCompute
from slipway.delivery.github.api import GitHub
from slipway.delivery.github.job import output, variable
from slipway.delivery.training.announce import announce
from slipway.delivery.training.permit import number_of
from slipway.errors import UserError
from slipway.verbs.hand_over import fleet


def run() -> None:
    """Write the comment about the job that `slipway submit` started or found, for the commit SHA of PULL_REQUEST.

    Gives `job`, the attempt's name. Raises UserError where AWS knows no attempt at it.
    """
    wanted = order(lambda line: None)
    last = fleet().last(wanted.job.hash)
    compute = wanted.choices.compute
    if last is None or not isinstance(compute, SageMakerCompute):
        raise UserError(
            f"job {wanted.job.hash} was never started: `slipway submit` comes before.",
        )
    kind = last.machines.rpartition(" ")[2]
    hour = cost_usd(compute, kind, 3600, int(last.machines.partition(" ")[0]))
    number = number_of({})
    announce(GitHub.from_environment(), number, variable("SHA"), last, hour, compute.region)
    output("job", last.name)
    print(f"#{number}: {last.name}")
