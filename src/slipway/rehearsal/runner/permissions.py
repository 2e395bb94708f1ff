"""What a job's GITHUB_TOKEN may do.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
"""

from slipway.rehearsal.runner.language import Tree

SCOPES = (
    "actions", "attestations", "checks", "contents", "deployments", "discussions", "issues", "packages", "pages",
    "pull-requests", "repository-projects", "security-events", "statuses",
)  # fmt: skip
# of repositories made since 2023
RESTRICTED = {"contents": "read", "packages": "read"}


def granted(workflow: Tree, job: Tree, fork: bool) -> dict[str, str]:
    """Each permission that is not `none`: the job's own, else the workflow's, else the restricted default.

    What is not named where some are named is `none`. A fork's proposal reads at most, and gets no OIDC token.
    """
    asked = job.get("permissions", workflow.get("permissions", RESTRICTED))
    if asked == "read-all":
        asked = dict.fromkeys(SCOPES, "read")
    elif asked == "write-all":
        asked = dict.fromkeys((*SCOPES, "id-token"), "write")
    given = {name: level for name, level in (asked or {}).items() if level != "none"}
    if fork:
        given = {name: "read" for name in given if name != "id-token"}
    return {"metadata": "read", **given}
