"""The project's name and region, as terraform/project.tfvars says: the beginning of every name in AWS."""

from dataclasses import dataclass

from slipway.delivery.terraform.root import Root


@dataclass(frozen=True)
class Project:
    """What all names begin with, and where all lies."""

    name: str
    region: str


def project() -> Project:
    """Raises UserError where terraform/project.tfvars does not say it."""
    told = Root("platform").project
    return Project(told["project"], told["region"])
