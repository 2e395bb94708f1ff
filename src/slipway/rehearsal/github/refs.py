"""Refs and objects of git, as `git/...` tells them."""

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import INVALID, NOT_FOUND, Answer, Call, Json, RefusedError
from slipway.rehearsal.github.git import NOBODY, GitError, Signature
from slipway.rehearsal.github.moves import move

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub


def _ref(github: "GitHub", name: str, sha: str) -> Json:
    kind = github.git.kind(sha)
    told = {"sha": sha, "type": kind, "url": f"{github.api}/git/{kind}s/{sha}"}
    return {"ref": name, "node_id": forms.node("Ref", name), "url": f"{github.api}/git/{name}", "object": told}


def get_ref(github: "GitHub", call: Call) -> Answer:
    """One, by its whole name without `refs/`."""
    name = f"refs/{call.words['ref']}"
    refs = github.git.refs()
    if name not in refs:
        raise RefusedError(*NOT_FOUND)
    return Answer(200, _ref(github, name, refs[name]))


def create_ref(github: "GitHub", call: Call) -> Answer:
    """A new branch or tag."""
    name, sha = call.body["ref"], call.body["sha"]
    if not name.startswith("refs/") or name.count("/") < 2:
        raise RefusedError(422, f"Reference name must start with 'refs/' and have at least two slashes: {name}")
    if name.startswith("refs/pull/"):
        raise RefusedError(422, "Reference name is reserved")
    try:
        github.git.run("check-ref-format", name)
    except GitError:
        raise RefusedError(422, f"{name} is not a valid ref name.") from None
    if github.git.kind(sha) is None:
        raise RefusedError(422, "Object does not exist")
    if name in github.git.refs():
        raise RefusedError(422, "Reference already exists")
    move(github, name, sha, NOBODY, call.caller)
    return Answer(201, _ref(github, name, sha))


def update_ref(github: "GitHub", call: Call) -> Answer:
    """Forward, or with `force` anywhere."""
    name, sha = f"refs/{call.words['ref']}", call.body["sha"]
    refs = github.git.refs()
    if name not in refs or name.startswith("refs/pull/"):
        raise RefusedError(422, "Reference does not exist")
    if github.git.kind(sha) is None:
        raise RefusedError(422, "Object does not exist")
    if refs[name] != sha:
        move(github, name, sha, refs[name], call.caller, force=bool(call.body.get("force")))
    return Answer(200, _ref(github, name, sha))


def delete_ref(github: "GitHub", call: Call) -> Answer:
    """Its pull requests are closed by that."""
    name = f"refs/{call.words['ref']}"
    refs = github.git.refs()
    if name not in refs or name.startswith("refs/pull/"):
        raise RefusedError(422, "Reference does not exist")
    if name == f"refs/heads/{github.branch}":
        raise RefusedError(422, "Cannot delete the default branch")
    move(github, name, NOBODY, refs[name], call.caller)
    return Answer(204)


def create_blob(github: "GitHub", call: Call) -> Answer:
    """A file's bytes, as text or base64."""
    content = call.body["content"].encode()
    if call.body.get("encoding", "utf-8") == "base64":
        content = decoded(content.decode())
    sha = github.git.put_blob(content)
    return Answer(201, {"sha": sha, "url": f"{github.api}/git/blobs/{sha}"})


def decoded(text: str) -> bytes:
    """Bytes of base64; 422."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(422, "content is not valid Base64") from None


def create_tree(github: "GitHub", call: Call) -> Answer:
    """Paths over another tree; a hash that is null takes a path away."""
    base = call.body.get("base_tree")
    if base is not None and github.git.kind(base) not in ("tree", "commit"):
        raise RefusedError(404, "base_tree is not a valid tree oid")
    if not call.body["tree"]:
        raise RefusedError(422, "Invalid tree info")
    rows: list[tuple[str, str, str | None]] = []
    for each in call.body["tree"]:
        path, sha = each.get("path", ""), each.get("sha")
        if not path or path.startswith("/") or ".." in path.split("/") or ".git" in path.split("/"):
            raise RefusedError(422, "tree.path contains a malformed path component")
        if "content" in each:
            sha = github.git.put_blob(each["content"].encode())
        elif sha is not None and github.git.kind(sha) is None:
            raise RefusedError(422, f"tree.sha {sha} is not a valid {each.get('type', 'blob')}")
        rows.append((each.get("mode", "100644"), path, sha))
    return Answer(201, _tree(github, github.git.put_tree(base, rows)))


def _tree(github: "GitHub", sha: str) -> Json:
    rows = []
    for each in github.git.entries(sha):
        row: Json = {"path": each.path, "mode": each.mode, "type": each.type, "sha": each.sha}
        row |= {"url": f"{github.api}/git/{each.type}s/{each.sha}"} | ({"size": each.size} if each.size else {})
        rows.append(row)
    return {"sha": sha, "url": f"{github.api}/git/trees/{sha}", "tree": rows, "truncated": False}


def create_commit(github: "GitHub", call: Call) -> Answer:
    """A commit of a tree; who made it is who asks, where nobody is named."""
    body, git = call.body, github.git
    if git.kind(body["tree"]) != "tree":
        raise RefusedError(422, "Tree SHA does not exist")
    for parent in body.get("parents", []):
        if git.kind(parent) != "commit":
            raise RefusedError(422, "Parent SHA does not exist or is not a commit object")
    author = signature(github, call, "author")
    committer = signature(github, call, "committer") if "committer" in body else author
    sha = git.put_commit(body["tree"], body.get("parents", []), body["message"], author, committer)
    return Answer(201, forms.git_commit(github, git.commit(sha)))


def signature(github: "GitHub", call: Call, role: str) -> Signature:
    """Who made a commit, as the request names them."""
    told = call.body.get(role)
    if not told:
        return github.signature(call.caller.login)
    if not told.get("name") or not told.get("email"):
        raise RefusedError(*INVALID, f"{role} needs a name and an email")
    return Signature(told["name"], told["email"], told.get("date", ""))
