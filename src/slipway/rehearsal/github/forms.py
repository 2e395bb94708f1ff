"""GitHub's forms of what it tells: people, repositories, commits, pull requests. Their addresses are GitHub's own."""

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

from slipway.rehearsal.github.call import API, SITE, Json
from slipway.rehearsal.github.git import Change, Commit, Git, Signature

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub
    from slipway.rehearsal.github.pull import Pull

THEN = "2026-01-01T00:00:00Z"
BOT = "github-actions[bot]"
ACTIONS = 15368  # the number of the app GitHub Actions
_USER = "events followers following gists organizations received_events repos starred subscriptions"
_REPOSITORY = (
    "archive assignees blobs branches collaborators comments commits compare contents contributors deployments "
    "downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels "
    "languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags "
    "teams trees"
)


def node(kind: str, number: int | str) -> str:
    """A global identifier."""
    return b64encode(f"{kind}:{number}".encode()).decode()


def user(github: "GitHub", login: str) -> Json:
    """A person, or the bot of GitHub Actions."""
    number = 41898282 if login == BOT else github.person_number(login)
    url = f"{API}/users/{quote(login)}"
    told: Json = {f"{name}_url": f"{url}/{name}" for name in _USER.split()}
    told |= {"login": login, "id": number, "node_id": node("User", number), "gravatar_id": "", "url": url}
    told |= {
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "html_url": f"{SITE}/{quote(login)}",
    }
    return told | {"type": "Bot" if login == BOT else "User", "site_admin": False}


def self_user(github: "GitHub", login: str) -> Json:
    """What a person is told of themselves."""
    empty = dict.fromkeys(("bio", "blog", "company", "email", "hireable", "location", "name"))
    counts = dict.fromkeys(("followers", "following", "public_gists", "public_repos"), 0)
    told = user(github, login) | empty | counts | {"user_view_type": "public"}
    return told | {"created_at": THEN, "updated_at": THEN}


def repository(github: "GitHub", owner: str | None = None, role: str | None = None) -> Json:
    """The repository in short, or somebody's fork of it; `role` is that of who asks."""
    owner = owner or github.owner
    fork = owner != github.owner
    full, number = f"{owner}/{github.name}", github.number + (github.person_number(owner) if fork else 0)
    url = f"{API}/repos/{full}"
    told: Json = {f"{name}_url": f"{url}/{name.replace('git_', 'git/')}" for name in _REPOSITORY.split()}
    told |= {"id": number, "node_id": node("Repository", number), "name": github.name, "full_name": full}
    told |= {"owner": user(github, owner), "private": github.plan != "public", "fork": fork, "url": url}
    told |= {"html_url": f"{SITE}/{full}", "description": None, "default_branch": github.branch}
    if role is not None:
        ranks = ["none", "read", "triage", "write", "maintain", "admin"]
        names = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
        told["permissions"] = {name: ranks.index(role) >= ranks.index(least) for name, least in names.items()}
    return told


def full_repository(github: "GitHub", owner: str | None = None, role: str | None = None) -> Json:
    """The repository with all that is told of it."""
    told = repository(github, owner, role)
    full = told["full_name"]
    told |= {f"{name}_url": f"{SITE}/{full}.git" for name in ("clone", "svn")}
    told |= {"git_url": f"git://github.com/{full}.git", "ssh_url": f"git@github.com:{full}.git"}
    told |= dict.fromkeys(("homepage", "language", "mirror_url", "license"))
    told |= dict.fromkeys(("has_projects", "has_wiki", "has_pages", "has_discussions", "archived", "disabled"), False)
    told |= {"has_issues": True, "has_downloads": True, "topics": [], "visibility": "public"}
    counts = "forks forks_count stargazers_count watchers watchers_count size network_count subscribers_count"
    told |= dict.fromkeys(counts.split(), 0)
    opened = len([pull for pull in github.pulls.values() if pull.state == "open"])
    told |= {"open_issues": opened, "open_issues_count": opened}
    return told | {"pushed_at": THEN, "created_at": THEN, "updated_at": THEN}


def _person(github: "GitHub", signature: Signature) -> Json | None:
    login = signature.email.partition("@")[0].partition("+")[2]
    return user(github, login) if login and (login == BOT or login in github.people) else None


def _signature(told: Signature) -> Json:
    return {"name": told.name, "email": told.email, "date": told.date}


_UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def git_commit(github: "GitHub", told: Commit) -> Json:
    """A commit as git knows it."""
    url, html = f"{github.api}/git", f"{github.site}/commit"
    parents = [{"sha": each, "url": f"{url}/commits/{each}", "html_url": f"{html}/{each}"} for each in told.parents]
    found: Json = {"sha": told.sha, "node_id": node("Commit", told.sha), "url": f"{url}/commits/{told.sha}"}
    found |= {"html_url": f"{html}/{told.sha}", "message": told.message, "verification": _UNSIGNED}
    found |= {"author": _signature(told.author), "committer": _signature(told.committer), "parents": parents}
    return found | {"tree": {"sha": told.tree, "url": f"{url}/trees/{told.tree}"}}


def commit(github: "GitHub", told: Commit) -> Json:
    """A commit as GitHub lists it, without its files."""
    url, html = f"{github.api}/commits", f"{github.site}/commit"
    parents = [{"sha": each, "url": f"{url}/{each}", "html_url": f"{html}/{each}"} for each in told.parents]
    inner: Json = {"url": f"{github.api}/git/commits/{told.sha}", "message": told.message, "comment_count": 0}
    inner |= {"author": _signature(told.author), "committer": _signature(told.committer), "verification": _UNSIGNED}
    inner |= {"tree": {"sha": told.tree, "url": f"{github.api}/git/trees/{told.tree}"}}
    found: Json = {"sha": told.sha, "node_id": node("Commit", told.sha), "url": f"{url}/{told.sha}", "commit": inner}
    found |= {"html_url": f"{html}/{told.sha}", "comments_url": f"{url}/{told.sha}/comments", "parents": parents}
    return found | {"author": _person(github, told.author), "committer": _person(github, told.committer)}


def files(github: "GitHub", git: Git, old: str | None, new: str) -> list[Json]:
    """The files that differ between two commits."""
    return [_file(github, new, change) for change in git.changes(old, new)]


def _file(github: "GitHub", sha: str, change: Change) -> Json:
    told = {"sha": change.sha, "filename": change.path, "status": change.status, "additions": change.additions}
    told |= {"deletions": change.deletions, "changes": change.additions + change.deletions}
    told |= {"blob_url": f"{github.site}/blob/{sha}/{change.path}", "raw_url": f"{github.site}/raw/{sha}/{change.path}"}
    return told | {"contents_url": f"{github.api}/contents/{change.path}?ref={sha}"}


def label(github: "GitHub", name: str) -> Json:
    """A label of the repository."""
    told = github.labels[name]
    found = {"id": told["id"], "node_id": node("Label", told["id"]), "name": name, "default": False}
    found |= {"url": f"{github.api}/labels/{name}".replace(" ", "%20")}
    return found | {"color": told["color"], "description": told["description"]}


def pull(github: "GitHub", told: "Pull", full: bool = False) -> Json:
    """A pull request; `full` is how one alone is told, as in events."""
    url, issue = f"{github.api}/pulls/{told.number}", f"{github.api}/issues/{told.number}"
    html = f"{github.site}/pull/{told.number}"
    statuses = f"{github.api}/statuses/{told.head_sha}"
    urls = {"url": url, "html_url": html, "diff_url": f"{html}.diff", "patch_url": f"{html}.patch", "issue_url": issue}
    urls |= {"commits_url": f"{url}/commits", "review_comments_url": f"{url}/comments", "statuses_url": statuses}
    urls |= {"review_comment_url": f"{url}/comments{{/number}}", "comments_url": f"{issue}/comments"}
    parts = {"self": url, "html": html, "issue": issue, "comments": urls["comments_url"], "statuses": statuses}
    parts |= {"review_comments": urls["review_comments_url"], "review_comment": urls["review_comment_url"]}
    parts |= {"commits": urls["commits_url"]}
    association = "OWNER" if told.user == github.owner else "MEMBER" if told.user in github.people else "NONE"
    found: Json = urls | {"id": 5000 + told.number, "node_id": node("PullRequest", told.number), "number": told.number}
    found |= {"state": told.state, "locked": False, "title": told.title, "body": told.body, "draft": told.draft}
    found |= {"user": user(github, told.user), "labels": [label(github, name) for name in told.labels]}
    found |= dict.fromkeys(("assignee", "milestone", "auto_merge", "active_lock_reason"))
    found |= {"assignees": [], "requested_reviewers": [], "requested_teams": [], "author_association": association}
    found |= {"created_at": told.created_at, "updated_at": told.updated_at, "closed_at": told.closed_at}
    found |= {"merged_at": told.merged_at, "merge_commit_sha": told.merge_sha}
    found |= {"head": _side(github, told.head_owner, told.head_ref, told.head_sha)}
    found |= {"base": _side(github, github.owner, told.base_ref, told.base_sha)}
    found |= {"_links": {name: {"href": value} for name, value in parts.items()}}
    if full:
        changes = github.git.changes(told.fork_point, told.head_sha)
        found |= {"merged": told.merged_at is not None, "mergeable": told.mergeable, "rebaseable": told.mergeable}
        found |= {"mergeable_state": "clean" if told.mergeable else "dirty", "maintainer_can_modify": False}
        found |= {"merged_by": user(github, told.merged_by) if told.merged_by else None, "review_comments": 0}
        found |= {"additions": sum(each.additions for each in changes), "changed_files": len(changes)}
        found |= {"deletions": sum(each.deletions for each in changes)}
        found |= {"comments": len(github.comments_of(told.number))}
        found |= {"commits": len(github.git.log(f"{told.fork_point}..{told.head_sha}"))}
    return found


def _side(github: "GitHub", owner: str, ref: str, sha: str) -> Json:
    repo = full_repository(github, owner)
    return {"label": f"{owner}:{ref}", "ref": ref, "sha": sha, "user": user(github, owner), "repo": repo}
