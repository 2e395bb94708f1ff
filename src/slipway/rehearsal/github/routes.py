"""The operations: which function answers, what a job's token needs for it, and what role a person.

A token needs one of `needs`; those without any need `metadata: read`, which each has.
https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.rehearsal.github import (
    attestations,
    checks,
    contents,
    issues,
    pulls,
    refs,
    rulesets,
    settings,
    workflows,
)
from slipway.rehearsal.github import repository as repositories
from slipway.rehearsal.github.call import (
    NO_PERMISSION,
    NO_PERSONAL,
    NOT_FOUND,
    Answer,
    Call,
    Caller,
    RefusedError,
)

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

ROLES = ["none", "read", "triage", "write", "maintain", "admin"]
LEVELS = ["none", "read", "write"]


@dataclass(frozen=True)
class Route:
    """Who may ask for an operation, and what answers."""

    do: Callable[["GitHub", Call], Answer]
    needs: tuple[str, ...] = ()
    role: str = "read"

    @property
    def accepted(self) -> str:
        """What a token may have to be let in, as GitHub's header X-Accepted-GitHub-Permissions tells it."""
        return "; ".join(each.replace("-", "_").replace(":", "=") for each in self.needs) or "metadata=read"

    def refusal(self, caller: Caller, public: bool) -> RefusedError | None:
        """What the caller is told who lacks the right."""
        if caller.permissions is not None and self.needs:
            pairs = [need.split(":") for need in self.needs]
            held = {name: LEVELS.index(caller.permissions.get(name, "none")) for name, _ in pairs}
            if not any(held[name] >= LEVELS.index(level) for name, level in pairs):
                return RefusedError(*(NO_PERMISSION if caller.is_job else NO_PERSONAL))
        if caller.is_job:
            return None
        role = "read" if public and caller.role == "none" else caller.role
        if role == "none" != self.role:
            return RefusedError(*NOT_FOUND)
        if ROLES.index(role) < ROLES.index(self.role):
            rights = {"admin": "admin rights to Repository", "write": "push access to repository"}
            return RefusedError(403, f"Must have {rights.get(self.role, 'triage access to repository')}.")
        return None


REPOSITORY = "/repos/{owner}/{repo}"
# a pull request is an issue: either permission does
TALK = ("issues:{}", "pull-requests:{}")


def _talk(level: str) -> tuple[str, ...]:
    return tuple(each.format(level) for each in TALK)


_TABLE: dict[str, Route] = {
    "GET ": Route(repositories.get_repository),
    "GET /collaborators/{username}/permission": Route(issues.collaborator_permission),
    # settings
    "GET /actions/variables": Route(settings.list_variables, ("actions-variables:read",)),
    "POST /actions/variables": Route(settings.create_variable, ("actions-variables:write",), "admin"),
    "PATCH /actions/variables/{name}": Route(settings.update_variable, ("actions-variables:write",), "admin"),
    "GET /environments": Route(settings.list_environments, ("actions:read",)),
    "GET /environments/{environment_name}": Route(settings.get_environment, ("actions:read",)),
    "PUT /environments/{environment_name}": Route(settings.put_environment, ("administration:write",), "admin"),
    "GET /environments/{environment_name}/deployment-branch-policies": Route(settings.list_policies, ("actions:read",)),
    "POST /environments/{environment_name}/deployment-branch-policies": Route(
        settings.create_policy, ("administration:write",), "admin"
    ),
    "DELETE /environments/{environment_name}/deployment-branch-policies/{branch_policy_id}": Route(
        settings.delete_policy, ("administration:write",), "admin"
    ),
    "GET /actions/permissions/workflow": Route(settings.get_workflow_permissions, ("administration:read",), "admin"),
    "PUT /actions/permissions/workflow": Route(settings.put_workflow_permissions, ("administration:write",), "admin"),
    "GET /rulesets": Route(rulesets.list_rulesets),
    "POST /rulesets": Route(rulesets.create_ruleset, ("administration:write",), "admin"),
    "GET /rulesets/{ruleset_id}": Route(rulesets.get_ruleset),
    "PUT /rulesets/{ruleset_id}": Route(rulesets.update_ruleset, ("administration:write",), "admin"),
    # git
    "GET /git/ref/{ref}": Route(refs.get_ref, ("contents:read",)),
    "POST /git/refs": Route(refs.create_ref, ("contents:write",), "write"),
    "PATCH /git/refs/{ref}": Route(refs.update_ref, ("contents:write",), "write"),
    "DELETE /git/refs/{ref}": Route(refs.delete_ref, ("contents:write",), "write"),
    "POST /git/blobs": Route(refs.create_blob, ("contents:write",), "write"),
    "POST /git/trees": Route(refs.create_tree, ("contents:write",), "write"),
    "POST /git/commits": Route(refs.create_commit, ("contents:write",), "write"),
    # contents
    "GET /contents/{path}": Route(contents.get_contents, ("contents:read",)),
    "GET /commits/{ref}": Route(contents.get_commit, ("contents:read",)),
    # pull requests
    "GET /pulls": Route(pulls.list_pulls, ("pull-requests:read",)),
    "POST /pulls": Route(pulls.create_pull, ("pull-requests:write",)),
    "GET /pulls/{pull_number}": Route(pulls.get_pull, ("pull-requests:read", "contents:read")),
    "PATCH /pulls/{pull_number}": Route(pulls.update_pull, ("pull-requests:write",)),
    "PUT /pulls/{pull_number}/merge": Route(pulls.merge_pull, ("contents:write",), "write"),
    "POST /pulls/{pull_number}/reviews": Route(pulls.create_review, ("pull-requests:write",)),
    "GET /labels/{name}": Route(issues.get_label, _talk("read")),
    "POST /labels": Route(issues.create_label, ("issues:write",), "write"),
    "GET /issues/{issue_number}/labels": Route(issues.list_labels, _talk("read")),
    "POST /issues/{issue_number}/labels": Route(issues.add_labels, _talk("write"), "triage"),
    "DELETE /issues/{issue_number}/labels/{name}": Route(issues.remove_label, _talk("write"), "triage"),
    "GET /issues/{issue_number}/events": Route(issues.list_events, _talk("read")),
    "GET /issues/{issue_number}/comments": Route(issues.list_comments, _talk("read")),
    "POST /issues/{issue_number}/comments": Route(issues.create_comment, _talk("write")),
    "PATCH /issues/comments/{comment_id}": Route(issues.update_comment, _talk("write")),
    "DELETE /issues/comments/{comment_id}": Route(issues.delete_comment, _talk("write")),
    # workflows
    "POST /actions/workflows/{workflow_id}/dispatches": Route(workflows.dispatch_workflow, ("actions:write",), "write"),
    "POST /dispatches": Route(workflows.dispatch_repository, ("contents:write",), "write"),
    "GET /actions/runs": Route(workflows.list_runs, ("actions:read",)),
    "GET /actions/workflows/{workflow_id}/runs": Route(workflows.list_runs, ("actions:read",)),
    "GET /actions/runs/{run_id}": Route(workflows.get_run, ("actions:read",)),
    # what is said of commits
    "GET /commits/{ref}/check-runs": Route(checks.list_checks, ("checks:read",)),
    # what is said of images
    "GET /attestations/{subject_digest}": Route(attestations.list_attestations, ("attestations:read",)),
}
ROUTES: dict[str, Route] = {"GET /user": Route(repositories.get_user, ("no:write",), "none")} | {
    f"{name.split(' ')[0]} {REPOSITORY}{name.split(' ')[1]}": route for name, route in _TABLE.items()
}
