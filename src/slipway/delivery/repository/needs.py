"""What GitHub needs besides the code, as terraform/bootstrap tells it."""

from dataclasses import dataclass

from slipway.delivery.github.pulls import LABEL
from slipway.delivery.repository.gh import Body

# environments whose jobs wait for a person
APPROVED = ("infra", "production")
# only branches that are named one by one
NAMED_BRANCHES = {"protected_branches": False, "custom_branch_policies": True}
# where it is set what workflows may do, and that they may open pull requests
WORKFLOWS = ("actions", "permissions", "workflow")
PROPOSE = {"can_approve_pull_request_reviews": True}
# a job may give a pull request a label that is there, and make none
LABELLED: Body = {
    "name": LABEL,
    "color": "0e8a16",
    "description": "Train what this pull request asks for, on SageMaker",
}


@dataclass(frozen=True)
class Needs:
    """What a repository needs: the output `github` of terraform/bootstrap."""

    repository: str
    id: str
    branch: str
    variables: dict[str, str]
    environments: dict[str, str | None]

    def path(self, *parts: str) -> str:
        """Of something in the repository, in GitHub's REST API."""
        return "/".join(["repos", self.repository, *parts])
