"""Files, branches and commits, as the repository's own pages tell them."""

from base64 import b64encode
from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import NOT_FOUND, Answer, Call, Json, RefusedError
from slipway.rehearsal.github.git import Entry, GitError
from slipway.rehearsal.github.moves import move
from slipway.rehearsal.github.refs import decoded, signature
from slipway.rehearsal.github.rulesets import rules_for

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

MEGABYTE = 1024 * 1024


def resolved(github: "GitHub", name: str, status: int = 404, message: str = "Not Found") -> str:
    """The commit of a name."""
    sha = github.git.resolve(name)
    if sha is None:
        raise RefusedError(status, message)
    return sha


def _file(github: "GitHub", ref: str, entry: Entry) -> Json:
    url = f"{github.api}/contents/{entry.path}?ref={ref}"
    git, html = f"{github.api}/git/{entry.type}s/{entry.sha}", f"{github.site}/{entry.type}/{ref}/{entry.path}"
    raw = f"https://raw.githubusercontent.com/{github.owner}/{github.name}/{ref}/{entry.path}"
    told = {"name": entry.path.rpartition("/")[2], "path": entry.path, "sha": entry.sha, "size": entry.size or 0}
    told |= {"url": url, "html_url": html, "git_url": git, "type": "file" if entry.type == "blob" else "dir"}
    told |= {"download_url": raw if entry.type == "blob" else None}
    return told | {"_links": {"self": url, "git": git, "html": html}}


def get_contents(github: "GitHub", call: Call) -> Answer:
    """A file (its text with `raw`), or the rows of a folder."""
    ref, path = call.query.get("ref", github.branch), call.words["path"].strip("/")
    sha = resolved(github, ref, message=f"No commit found for the ref {ref}")
    entry = github.git.entry(sha, path)
    if entry is None:
        raise RefusedError(*NOT_FOUND)
    if entry.type == "tree":
        rows = github.git.entries(f"{sha}:{path}")
        below = [Entry(each.mode, each.type, each.sha, each.size, f"{path}/{each.path}") for each in rows]
        return Answer(200, [_file(github, ref, each) for each in below])
    data = github.git.blob(entry.sha)
    if "raw" in call.accept:
        if len(data) > 100 * MEGABYTE:
            raise RefusedError(403, "This API returns blobs up to 100 MB in size.")
        return Answer(200, data.decode("utf-8", "surrogateescape"), {"Content-Type": "application/vnd.github.raw"})
    # above a megabyte the fields are there, and empty
    large = len(data) > MEGABYTE
    content = {"content": "" if large else b64encode(data).decode(), "encoding": "none" if large else "base64"}
    return Answer(200, _file(github, ref, entry) | content)


def put_contents(github: "GitHub", call: Call) -> Answer:
    """Write a file by a commit of its own; one that is there only with its hash."""
    branch, path = call.body.get("branch", github.branch), call.words["path"]
    head = resolved(github, f"refs/heads/{branch}", message=f"Branch {branch} not found")
    entry = github.git.entry(head, path)
    _check_hash(path, entry, call.body.get("sha"))
    blob = github.git.put_blob(decoded(call.body["content"]))
    sha = _commit(github, call, branch, head, (entry.mode if entry else "100644", path, blob))
    found = github.git.entry(sha, path)
    assert found is not None
    commit = forms.git_commit(github, github.git.commit(sha))
    return Answer(200 if entry else 201, {"content": _file(github, branch, found), "commit": commit})


def delete_contents(github: "GitHub", call: Call) -> Answer:
    """Remove a file by a commit of its own."""
    branch, path = call.body.get("branch", github.branch), call.words["path"]
    head = resolved(github, f"refs/heads/{branch}", message=f"Branch {branch} not found")
    entry = github.git.entry(head, path)
    if entry is None:
        raise RefusedError(*NOT_FOUND)
    _check_hash(path, entry, call.body["sha"])
    sha = _commit(github, call, branch, head, (entry.mode, path, None))
    return Answer(200, {"content": None, "commit": forms.git_commit(github, github.git.commit(sha))})


def _check_hash(path: str, entry: Entry | None, told: str | None) -> None:
    if entry and told is None:
        raise RefusedError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if entry and told != entry.sha:
        raise RefusedError(409, f"{path} does not match {told}")


def _commit(github: "GitHub", call: Call, branch: str, head: str, row: tuple[str, str, str | None]) -> str:
    tree = github.git.put_tree(head, [row])
    author = signature(github, call, "author")
    committer = signature(github, call, "committer") if "committer" in call.body else None
    sha = github.git.put_commit(tree, [head], call.body["message"], author, committer)
    move(github, f"refs/heads/{branch}", sha, head, call.caller)
    return sha


def list_branches(github: "GitHub", call: Call) -> Answer:
    """Their names and commits."""
    found = []
    for ref, sha in github.git.refs("refs/heads/").items():
        told = {"name": ref.removeprefix("refs/heads/"), "protected": bool(rules_for(github, ref))}
        found.append(told | {"commit": {"sha": sha, "url": f"{github.api}/commits/{sha}"}})
    wanted = call.query.get("protected")
    return call.page(each for each in found if wanted is None or each["protected"] == (wanted == "true"))


def get_branch(github: "GitHub", call: Call) -> Answer:
    """A branch and its last commit."""
    name = call.words["branch"]
    sha = resolved(github, f"refs/heads/{name}", message="Branch not found")
    url = f"{github.api}/branches/{name}"
    told: Json = {"name": name, "protected": bool(rules_for(github, f"refs/heads/{name}"))}
    told |= {"protection": {"enabled": False}, "protection_url": f"{url}/protection"}
    told |= {"_links": {"self": url, "html": f"{github.site}/tree/{name}"}}
    return Answer(200, told | {"commit": forms.commit(github, github.git.commit(sha))})


def list_commits(github: "GitHub", call: Call) -> Answer:
    """The newest first, of a branch, and of a path alone."""
    sha = resolved(github, call.query.get("sha", github.branch))
    words = ["--", call.query["path"]] if "path" in call.query else []
    return call.page(forms.commit(github, github.git.commit(each)) for each in github.git.log(sha, *words))


def get_commit(github: "GitHub", call: Call) -> Answer:
    """A commit with its files."""
    name = call.words["ref"]
    told = github.git.commit(resolved(github, name, 422, f"No commit found for SHA: {name}"))
    changed = forms.files(github, github.git, told.parents[0] if told.parents else None, told.sha)
    counts = {key: sum(each[key] for each in changed) for key in ("additions", "deletions")}
    stats = counts | {"total": sum(counts.values())}
    return Answer(200, forms.commit(github, told) | {"stats": stats, "files": changed})


def compare(github: "GitHub", call: Call) -> Answer:
    """What a head holds that its base does not."""
    names = call.words["basehead"].split("...")
    if len(names) != 2:
        raise RefusedError(*NOT_FOUND)
    git = github.git
    base, head = (resolved(github, name) for name in names)
    try:
        fork = git.run("merge-base", base, head)
    except GitError:
        raise RefusedError(404, f"No common ancestor between {names[0]} and {names[1]}.") from None
    ahead, behind = git.log("--reverse", f"{base}..{head}"), git.log(f"{head}..{base}")
    status = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind", (False, False): "identical"}
    html = f"{github.site}/compare/{call.words['basehead']}"
    told: Json = {"url": f"{github.api}/compare/{call.words['basehead']}", "html_url": html, "permalink_url": html}
    told |= {"diff_url": f"{html}.diff", "patch_url": f"{html}.patch", "total_commits": len(ahead)}
    told |= {"status": status[bool(ahead), bool(behind)], "ahead_by": len(ahead), "behind_by": len(behind)}
    told |= {"base_commit": forms.commit(github, git.commit(base))}
    told |= {"merge_base_commit": forms.commit(github, git.commit(fork))}
    told |= {"commits": call.page(forms.commit(github, git.commit(each)) for each in ahead).body}
    return Answer(200, told | {"files": forms.files(github, git, fork, head)[:300]})
