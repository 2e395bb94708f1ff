"""Trees of the checkout's git as GitHub's own, made through its API: contents, links and modes as they are.

https://docs.github.com/en/rest/git/trees
"""

import base64
import subprocess
from collections.abc import Callable
from typing import Any

from slipway.delivery.github.api import GitHub, again
from slipway.evaluation.champion import git

BLOB, MODULE = "blob", "commit"


def tree_between(github: GitHub, old: str, new: str, keep: Callable[[str], bool] = lambda path: True) -> str:
    """The tree `new` on GitHub, which has `old`; of what differs, only the paths to `keep`."""
    entries = [entry(github, *each) for each in changes(old, new) if keep(each[2])]
    base = str(git("rev-parse", f"{old}^{{tree}}"))
    if not entries:  # GitHub makes no tree of nothing
        return base
    return str(github.post("git/trees", {"base_tree": base, "tree": entries}, look=again)["sha"])


def changes(old: str, new: str) -> list[tuple[str, str, str]]:
    """Mode, object and path of each file that differs; mode 000000 for one that goes."""
    told = git("diff-tree", "-r", "-z", "--no-renames", old, new) or ""
    words = told.split("\0")
    found = []
    for facts, path in zip(words[::2], words[1::2], strict=False):
        _, mode, _, name, _ = facts.split(" ")
        found.append((mode, name, path))
    return found


def entry(github: GitHub, mode: str, name: str, path: str) -> dict[str, Any]:
    """One file of a tree, its content sent to GitHub."""
    if mode == "000000":
        return {"path": path, "mode": "100644", "type": BLOB, "sha": None}
    if mode == "160000":
        return {"path": path, "mode": mode, "type": MODULE, "sha": name}
    content = base64.b64encode(content_of(name)).decode()
    made = github.post("git/blobs", {"content": content, "encoding": "base64"}, look=again)
    return {"path": path, "mode": mode, "type": BLOB, "sha": made["sha"]}


def content_of(name: str) -> bytes:
    """A blob's bytes."""
    return subprocess.run(["git", "cat-file", "blob", name], capture_output=True, check=True).stdout
