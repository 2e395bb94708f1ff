"""What follows where a ref moves, by the API, by a merge or by a push: events, pull requests, their own refs."""

from typing import TYPE_CHECKING

from slipway.rehearsal.github.call import Caller, RefusedError
from slipway.rehearsal.github.event import now, pulled, pushed
from slipway.rehearsal.github.git import NOBODY, ConflictError, GitError
from slipway.rehearsal.github.pull import Pull
from slipway.rehearsal.github.rulesets import rules_for

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

WORKFLOWS = ".github/workflows/"
RULES = "Repository rule violations found\n\n{}\n\n"


def move(github: "GitHub", ref: str, new: str, old: str, caller: Caller, force: bool = False) -> None:
    """Move a ref of the repository as the caller asks for, if it still is where it was; RefusedError."""
    reason = refusal(github, ref, new, old, caller)
    if reason:
        raise RefusedError(422, reason)
    if NOBODY not in (new, old) and not force and not github.git.is_ancestor(old, new):
        raise RefusedError(422, "Update is not a fast forward")
    try:
        github.git.move(ref, new, old)
    except GitError as error:
        raise RefusedError(409, f"Reference cannot be updated: {error}") from error
    follow(github, github.owner, ref, old, new, caller)


def refusal(github: "GitHub", ref: str, new: str, old: str, caller: Caller) -> str | None:
    """Why a ref may not move so, whoever has the right to write: the rules of its branch, and workflows' files."""
    git = github.git
    rules = {rule["type"]: rule for rule in rules_for(github, ref, caller)}
    if new == NOBODY:
        if "deletion" in rules:
            return RULES.format("Cannot delete this branch")
        return None
    if old == NOBODY:
        if "creation" in rules:
            return RULES.format("Cannot create ref due to creations being restricted.")
    else:
        if "non_fast_forward" in rules and not git.is_ancestor(old, new):
            return RULES.format("Cannot force-push to this branch")
        if "pull_request" in rules:
            return RULES.format("Changes must be made through a pull request.")
        checks = rules.get("required_status_checks", {}).get("parameters", {}).get("required_status_checks", [])
        if github.missing(checks, new):
            return RULES.format("Required status checks are expected.")
    if caller.is_job:
        known = [f"^{sha}" for sha in git.refs().values()]
        for sha in git.log(new, *known):
            made = git.commit(sha)
            for change in git.changes(made.parents[0] if made.parents else None, sha):
                if change.path.startswith(WORKFLOWS) and len(made.parents) < 2:
                    return (
                        "refusing to allow a GitHub App to create or update workflow "
                        f"`{change.path}` without `workflows` permission"
                    )
    return None


def follow(github: "GitHub", owner: str, ref: str, before: str, after: str, caller: Caller) -> None:
    """A ref of the repository, or of somebody's fork, has moved."""
    if owner == github.owner:
        pushed(github, ref, before, after, caller)
    branch = ref.removeprefix("refs/heads/")
    if branch == ref:
        return
    for pull in github.pulls.values():
        if pull.state != "open":
            continue
        if (pull.head_owner, pull.head_ref) == (owner, branch):
            if after == NOBODY:
                close(github, pull, caller)
                continue
            if after != pull.head_sha:
                pull.head_sha = after
                renew(github, pull, moved=True)
                pulled(github, "synchronize", pull, caller, {"before": before, "after": after})
        if owner == github.owner and pull.base_ref == branch and after != NOBODY:
            if github.git.is_ancestor(pull.head_sha, after):
                merged(github, pull, after, caller)
            else:
                renew(github, pull)


def renew(github: "GitHub", pull: Pull, moved: bool = False) -> None:
    """Keep refs/pull/N/head and refs/pull/N/merge; the latter is not there where both conflict."""
    git = github.git
    if pull.head_owner != github.owner:
        git.run("fetch", "--quiet", "--no-tags", str(github.forks[pull.head_owner].folder), pull.head_sha)
    git.run("update-ref", f"refs/pull/{pull.number}/head", pull.head_sha)
    base = git.refs("refs/heads/")[f"refs/heads/{pull.base_ref}"]
    if moved:
        pull.base_sha = base
        pull.updated_at = now()
    try:
        pull.fork_point = git.run("merge-base", base, pull.head_sha)
        tree = git.merge(base, pull.head_sha)
    except (ConflictError, GitError):
        pull.mergeable, pull.merge_sha = False, None
        git.run("update-ref", "-d", f"refs/pull/{pull.number}/merge")
        return
    said = f"Merge {pull.head_sha} into {base}"
    pull.merge_sha = git.put_commit(tree, [base, pull.head_sha], said, github.signature(pull.user))
    pull.mergeable = True
    git.run("update-ref", f"refs/pull/{pull.number}/merge", pull.merge_sha)


def close(github: "GitHub", pull: Pull, caller: Caller) -> None:
    """Close it without a merge."""
    pull.state, pull.closed_at, pull.updated_at = "closed", now(), now()
    pulled(github, "closed", pull, caller)


def merged(github: "GitHub", pull: Pull, sha: str, caller: Caller) -> None:
    """Its base holds it now, by that commit."""
    pull.state, pull.closed_at, pull.updated_at = "closed", now(), now()
    pull.merged_at, pull.merged_by, pull.merge_sha = pull.closed_at, caller.login, sha
    pulled(github, "closed", pull, caller)
