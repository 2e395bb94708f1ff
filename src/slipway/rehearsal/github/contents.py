"""Files and commits, as the repository's own pages tell them."""

from base64 import b64encode
from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import NOT_FOUND, Answer, Call, Json, RefusedError
from slipway.rehearsal.github.git import Entry

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


def get_commit(github: "GitHub", call: Call) -> Answer:
    """A commit with its files."""
    name = call.words["ref"]
    told = github.git.commit(resolved(github, name, 422, f"No commit found for SHA: {name}"))
    changed = forms.files(github, github.git, told.parents[0] if told.parents else None, told.sha)
    counts = {key: sum(each[key] for each in changed) for key in ("additions", "deletions")}
    stats = counts | {"total": sum(counts.values())}
    return Answer(200, forms.commit(github, told) | {"stats": stats, "files": changed})
