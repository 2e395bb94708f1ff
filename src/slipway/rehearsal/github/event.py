"""What happened, as GitHub tells workflows."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import Caller, Json
from slipway.rehearsal.github.git import NOBODY, Git
from slipway.rehearsal.github.pull import Pull

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

# of what a job does with its token the first start workflows, the second runs that wait for somebody's approval, and
# all else nothing: https://docs.github.com/en/actions/concepts/security/github_token
DISPATCHES = ("workflow_dispatch", "repository_dispatch")
HELD = ("opened", "synchronize", "reopened")
SKIPS = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


class Event(NamedTuple):
    """An event that starts workflows: `ref` and `sha` are GITHUB_REF and GITHUB_SHA."""

    name: str
    payload: Json
    ref: str
    sha: str
    actor: str


def now() -> str:
    """This second, as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def emit(github: "GitHub", name: str, payload: Json, ref: str, sha: str, caller: Caller) -> None:
    """Start workflows, if this starts any."""
    at_once = not caller.is_job or name in DISPATCHES
    if not at_once and (name != "pull_request" or payload["action"] not in HELD):
        return
    told = payload | {"repository": forms.full_repository(github), "sender": forms.user(github, caller.login)}
    github.check_event(name, told)
    event = Event(name, told, ref, sha, caller.login)
    if at_once:
        github.events.put(event)
    else:
        github.hold(event)


def pushed(github: "GitHub", ref: str, before: str, after: str, caller: Caller) -> None:
    """A branch or a tag has moved. What is deleted starts nothing."""
    if after == NOBODY or not ref.startswith(("refs/heads/", "refs/tags/")):
        return
    git = github.git
    head = git.commit(after)
    if _skips(head.message):
        return
    new = git.log("--reverse", after, f"^{before}") if before != NOBODY else [after]
    payload = {"ref": ref, "before": before, "after": after, "created": before == NOBODY, "deleted": False}
    payload |= {"forced": before != NOBODY and not git.is_ancestor(before, after), "base_ref": None}
    payload |= {"compare": f"{github.site}/compare/{before[:12]}...{after[:12]}"}
    payload |= {"commits": [_commit(github, git, sha) for sha in new], "head_commit": _commit(github, git, after)}
    payload |= {"pusher": {"name": caller.login, "email": f"{caller.login}@users.noreply.github.com"}}
    emit(github, "push", payload, ref, after, caller)


def _commit(github: "GitHub", git: Git, sha: str) -> Json:
    told = git.commit(sha)
    changes = git.changes(told.parents[0] if told.parents else None, sha)
    paths = {name: [each.path for each in changes if each.status == name] for name in ("added", "removed", "modified")}
    people = {"author": told.author, "committer": told.committer}
    named = {role: {"name": who.name, "email": who.email} for role, who in people.items()}
    found = {"id": sha, "tree_id": told.tree, "distinct": True, "message": told.message, **named, **paths}
    return found | {"timestamp": told.committer.date, "url": f"{github.site}/commit/{sha}"}


def pulled(github: "GitHub", action: str, pull: Pull, caller: Caller, more: Json | None = None) -> None:
    """Something happened to a pull request. One that conflicts with its base starts nothing."""
    if pull.merged_at is None and pull.mergeable is False:
        return
    if _skips(github.git.commit(pull.head_sha).message):
        return
    payload = {"action": action, "number": pull.number, "pull_request": forms.pull(github, pull, full=True)}
    ref = f"refs/heads/{pull.base_ref}" if pull.merged_at else f"refs/pull/{pull.number}/merge"
    emit(github, "pull_request", payload | (more or {}), ref, pull.merge_sha or pull.head_sha, caller)


def _skips(message: str) -> bool:
    return any(each in message for each in SKIPS)
