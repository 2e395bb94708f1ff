"""Pull requests: opened, changed, merged."""

from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import INVALID, Answer, Call, Json, RefusedError, known
from slipway.rehearsal.github.contents import resolved
from slipway.rehearsal.github.event import now, pulled
from slipway.rehearsal.github.git import GitError
from slipway.rehearsal.github.moves import RULES, close, follow, merged, renew
from slipway.rehearsal.github.pull import Pull
from slipway.rehearsal.github.rulesets import rules_for

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

MOST = 65536  # characters of a body
NOT_PERMITTED = (403, "GitHub Actions is not permitted to create or approve pull requests.")


def wrong(resource: str, field: str, message: str, code: str = "custom") -> RefusedError:
    """The refusal of one field."""
    return RefusedError(*INVALID, {"resource": resource, "field": field, "code": code, "message": message})


def check_body(resource: str, body: str | None) -> None:
    """422 where a text is too long."""
    if body is not None and len(body) > MOST:
        raise wrong(resource, "body", f"body is too long (maximum is {MOST} characters)")


def of(github: "GitHub", call: Call, name: str = "pull_number") -> Pull:
    """The one that the path names."""
    found: Pull = known(github.pulls, call.number(name))
    return found


def list_pulls(github: "GitHub", call: Call) -> Answer:
    """The open ones, the newest first, where nothing else is asked for."""
    query = call.query
    state, descending = query.get("state", "open"), query.get("direction", "desc") == "desc"
    found = [
        pull
        for pull in github.pulls.values()
        if state in ("all", pull.state)
        and query.get("base", pull.base_ref) == pull.base_ref
        # without an owner GitHub overlooks `head`
        and (":" not in query.get("head", "") or query["head"] == f"{pull.head_owner}:{pull.head_ref}")
    ]
    if query.get("sort") == "updated":
        found.sort(key=lambda pull: (pull.updated_at, pull.number), reverse=descending)
    else:
        found.sort(key=lambda pull: pull.number, reverse=descending)
    return call.page(forms.pull(github, pull) for pull in found)


def get_pull(github: "GitHub", call: Call) -> Answer:
    """One, with its counts and whether it can be merged."""
    return Answer(200, forms.pull(github, of(github, call), full=True))


def create_pull(github: "GitHub", call: Call) -> Answer:
    """Ask for a branch to be merged; once for the same two."""
    body = call.body
    if call.caller.is_job and not github.workflow_permissions["can_approve_pull_request_reviews"]:
        raise RefusedError(*NOT_PERMITTED)
    check_body("PullRequest", body.get("body"))
    if not body.get("title"):
        raise wrong("PullRequest", "title", "title can't be blank", "missing_field")
    owner, _, branch = body["head"].rpartition(":")
    owner = owner or github.owner
    git = github.git if owner == github.owner else github.forks.get(owner)
    head = git.resolve(f"refs/heads/{branch}") if git else None
    base = github.git.resolve(f"refs/heads/{body['base']}")
    for field, sha in (("head", head), ("base", base)):
        if sha is None:
            raise wrong("PullRequest", field, f"{field} is invalid", "invalid")
    assert head is not None
    assert base is not None
    two = (owner, branch, body["base"])
    for pull in github.pulls.values():
        if pull.state == "open" and (pull.head_owner, pull.head_ref, pull.base_ref) == two:
            raise wrong("PullRequest", "head", f"A pull request already exists for {owner}:{branch}.")
    if owner != github.owner:
        github.git.run("fetch", "--quiet", "--no-tags", str(github.forks[owner].folder), head)
    if github.git.is_ancestor(head, base):
        raise wrong("PullRequest", "head", f"No commits between {body['base']} and {branch}")
    github.last_number += 1
    told: Json = {"title": body["title"], "body": body.get("body"), "user": call.caller.login}
    told |= {"head_owner": owner, "head_ref": branch, "head_sha": head, "base_ref": body["base"], "base_sha": base}
    told |= {"created_at": now(), "updated_at": now(), "draft": bool(body.get("draft"))}
    pull = Pull(github.last_number, fork_point=base, **told)
    github.pulls[pull.number] = pull
    renew(github, pull, moved=True)
    pulled(github, "opened", pull, call.caller)
    return Answer(201, forms.pull(github, pull, full=True))


def update_pull(github: "GitHub", call: Call) -> Answer:
    """Title, body, state and base."""
    pull, body = of(github, call), call.body
    if call.caller.role not in ("write", "maintain", "admin") and call.caller.login != pull.user:
        raise RefusedError(403, "Must have push access to repository.")
    check_body("PullRequest", body.get("body"))
    changes: Json = {key: {"from": getattr(pull, key) or ""} for key in ("title", "body") if key in body}
    pull.title, pull.body = body.get("title", pull.title), body.get("body", pull.body)
    pull.updated_at = now()
    if "base" in body and body["base"] != pull.base_ref:
        changes["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
        pull.base_sha = resolved(github, f"refs/heads/{body['base']}", 422, "Proposed base branch was not found")
        pull.base_ref = body["base"]
        renew(github, pull, moved=True)
    if changes:
        pulled(github, "edited", pull, call.caller, {"changes": changes})
    state = body.get("state", pull.state)
    if state == "closed" and pull.state == "open":
        close(github, pull, call.caller)
    elif state == "open" and pull.state == "closed":
        _reopen(github, pull, call)
    return Answer(200, forms.pull(github, pull, full=True))


def _reopen(github: "GitHub", pull: Pull, call: Call) -> None:
    git = github.git if pull.head_owner == github.owner else github.forks[pull.head_owner]
    head = git.resolve(f"refs/heads/{pull.head_ref}")
    if pull.merged_at or head is None:
        raise wrong("PullRequest", "state", "state cannot be changed. The branch was deleted or merged.", "invalid")
    pull.state, pull.closed_at, pull.head_sha = "open", None, head
    renew(github, pull, moved=True)
    pulled(github, "reopened", pull, call.caller)


def merge_pull(github: "GitHub", call: Call) -> Answer:
    """Merge it where its base's rules are met; 405, or 409 where its head is another one than told."""
    pull, body = of(github, call), call.body
    if pull.state != "open" or pull.mergeable is False:
        raise RefusedError(405, "Pull Request is not mergeable")
    if pull.draft:
        raise RefusedError(405, "Pull Request is still a draft")
    if body.get("sha", pull.head_sha) != pull.head_sha:
        raise RefusedError(409, "Head branch was modified. Review and try the merge again.")
    method = body.get("merge_method", "merge")
    ref = f"refs/heads/{pull.base_ref}"
    base = github.git.refs(ref)[ref]
    if reasons := _unmet(github, pull, method, base, call):
        raise RefusedError(405, RULES.format("\n".join(reasons)))
    sha = _commit(github, pull, method, base, call)
    try:
        github.git.move(ref, sha, base)
    except GitError:
        raise RefusedError(409, "Base branch was modified. Review and try the merge again.") from None
    merged(github, pull, sha, call.caller)
    follow(github, github.owner, ref, base, sha, call.caller)
    return Answer(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def _unmet(github: "GitHub", pull: Pull, method: str, base: str, call: Call) -> list[str]:
    ref, reasons = f"refs/heads/{pull.base_ref}", []
    for rule in rules_for(github, ref, call.caller):
        told = rule.get("parameters", {})
        if rule["type"] == "pull_request":
            if method not in told["allowed_merge_methods"]:
                reasons.append(f"Merge method {method} is not allowed.")
            valid = [sha for sha in pull.approvals.values() if sha == pull.head_sha]
            if told["dismiss_stale_reviews_on_push"] is False:
                valid = list(pull.approvals.values())
            if (count := told["required_approving_review_count"]) > len(valid):
                reasons.append(f"At least {count} approving review is required by reviewers with write access.")
        if rule["type"] == "required_status_checks":
            reasons += [f'Required status check "{name}" is expected.' for name in _missing(github, told, pull)]
            if told["strict_required_status_checks_policy"] and not github.git.is_ancestor(base, pull.head_sha):
                reasons.append("The head branch is not up to date with the base branch.")
        if rule["type"] == "required_linear_history" and method == "merge":
            reasons.append("This branch must not contain merge commits.")
    return reasons


def _missing(github: "GitHub", parameters: Json, pull: Pull) -> list[str]:
    return github.missing(parameters["required_status_checks"], pull.head_sha)


def _commit(github: "GitHub", pull: Pull, method: str, base: str, call: Call) -> str:
    git, body = github.git, call.body
    tree, author = git.merge(base, pull.head_sha), github.signature(call.caller.login)
    if method == "rebase":
        if pull.fork_point != base:
            raise RefusedError(405, "This branch can't be rebased")
        for sha in git.log("--reverse", f"{base}..{pull.head_sha}"):
            told = git.commit(sha)
            base = git.put_commit(told.tree, [base], told.message, told.author)
        return base
    source = f"{pull.head_owner}/{pull.head_ref}"
    if method == "squash":
        title, text = f"{pull.title} (#{pull.number})", pull.body or ""
    else:
        title, text = f"Merge pull request #{pull.number} from {source}", pull.title
    said = f"{body.get('commit_title') or title}\n\n{body.get('commit_message') or text}".strip()
    parents = [base, pull.head_sha] if method == "merge" else [base]
    return git.put_commit(tree, parents, said, author if method == "merge" else github.signature(pull.user))


def create_review(github: "GitHub", call: Call) -> Answer:
    """An approval or another review, of the head as it is."""
    pull, body, caller = of(github, call), call.body, call.caller
    states = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
    event = body.get("event", "COMMENT")
    if caller.is_job and event == "APPROVE" and not github.workflow_permissions["can_approve_pull_request_reviews"]:
        raise RefusedError(*NOT_PERMITTED)
    if event == "APPROVE" and caller.login == pull.user:
        raise RefusedError(422, "Unprocessable Entity", "Can not approve your own pull request")
    check_body("PullRequestReview", body.get("body"))
    if event == "APPROVE" and caller.role in ("write", "maintain", "admin"):
        pull.approvals[caller.login] = pull.head_sha
    number = github.next_id()
    html = f"{github.site}/pull/{pull.number}#pullrequestreview-{number}"
    url = f"{github.api}/pulls/{pull.number}"
    told = {"id": number, "node_id": forms.node("Review", number), "user": forms.user(github, caller.login)}
    told |= {"body": body.get("body", ""), "state": states[event], "html_url": html, "pull_request_url": url}
    told |= {"_links": {"html": {"href": html}, "pull_request": {"href": url}}, "submitted_at": now()}
    return Answer(200, told | {"commit_id": pull.head_sha, "author_association": "MEMBER"})
