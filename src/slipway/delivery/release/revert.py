"""Takes a merge back by a pull request, through GitHub's API: the job's checkout needs no right to push.

https://docs.github.com/en/rest/git
"""

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slipway.delivery.github.api import GitHub, again
from slipway.delivery.github.commit import tip
from slipway.delivery.github.objects import tree_between
from slipway.delivery.github.pulls import propose
from slipway.delivery.image.tag import DOCKERFILE, copied
from slipway.delivery.release.wanted import GATE, LOCK, wanted
from slipway.errors import UserError
from slipway.evaluation.champion import git

ASKED = (str(LOCK), str(GATE), "lambda")  # what may decide which image is released


def merge_of(kind: str) -> str:
    """The commit on the main line that brought the checkout's `bundle`, or what else is in its `image`."""
    at = bundle_at if kind == "bundle" else image_at
    told = ("log", "--first-parent", "--format=%H", "HEAD", "--", *ASKED)
    for found in (git(*told) or "").splitlines():
        if git("rev-parse", "--verify", "--quiet", f"{found}^1") is None:
            raise UserError(f"{found[:12]} is the first commit that git has: there is nothing to go back to.")
        # one that accepts a finding, or changes what is in no image, brought nothing
        if at(found) != at(f"{found}^1"):
            return found
    raise UserError(f"git does not know what brought {LOCK} here: check out with the whole history.")


def bundle_at(commit: str) -> str | None:
    """The digest of the bundle that a commit's gate.json names."""
    try:
        told = json.loads(git("show", f"{commit}:{GATE}") or "null")
    except ValueError:
        return None
    return str(told.get("bundle")) if isinstance(told, dict) else None


def image_at(commit: str) -> list[str | None]:
    """The objects of git that a commit's function image is made of, besides the bundle."""
    names = copied(git("show", f"{commit}:{DOCKERFILE}") or "")
    return [git("rev-parse", "--verify", "--quiet", f"{commit}:{name.rstrip('/')}") for name in (DOCKERFILE, *names)]


def revert(github: GitHub, rejected: str, base: str, why: str) -> dict[str, Any] | None:
    """The pull request that takes back what brought to branch `base` what was rejected: `bundle:DIGEST` or `image:TAG`.

    The checkout is the tip of `base`, with its history. It is made once; None where `base` asks for another by now.
    Raises UserError where the revert meets other changes.
    """
    kind, _, name = rejected.partition(":")
    head, asked, there = git("rev-parse", "HEAD"), wanted(), str(tip(github, base))
    if there != head:
        raise UserError(f"{base} has moved to {there[:12]}, which is not here: run the job again.")
    if asked is None or name != (asked.bundle if kind == "bundle" else asked.tag):
        return None
    merge = merge_of(kind)
    branch = f"revert/{merge[:12]}"
    owner = github.repository.partition("/")[0]

    def found() -> dict[str, Any] | None:
        return next(iter(github.get("pulls", head=f"{owner}:{branch}", base=base, state="all", per_page=1)), None)

    if pull := found():
        return pull
    if github.find(f"git/ref/heads/{branch}") is None:
        tree = tree_between(github, head, reverted(merge, head))
        message = f"Revert {merge[:12]}: its model was taken back\n\n{why}"
        made = github.post("git/commits", {"message": message, "tree": tree, "parents": [head]}, look=again)
        github.post(
            "git/refs",
            {"ref": f"refs/heads/{branch}", "sha": made["sha"]},
            look=lambda: github.find(f"git/ref/heads/{branch}"),
        )
    body = {
        "title": f"Take back the model of {merge[:12]}",
        "head": branch,
        "base": base,
        "body": f"{why}\n\nThis puts back what `{base}` asked for before {merge}. Until it is merged, `{base}` and "
        "production differ.",
    }
    # what a pull request of a workflow starts waits for approval
    github.post("actions/workflows/ci.yml/dispatches", {"ref": branch}, look=again)
    return propose(github, body, found)


def reverted(merge: str, tip: str) -> str:
    """The tree of `tip` without what a merge brought. Raises UserError where later changes are in the way."""

    def run(*words: str, content: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["git", *words], input=content, capture_output=True, env=environment, check=False)

    with TemporaryDirectory() as folder:
        # an index of its own: the checkout stays what it is
        environment = os.environ | {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        patch = run("diff", "--binary", "--full-index", "--no-renames", merge, f"{merge}^1").stdout
        run("read-tree", tip)
        if run("apply", "--cached", "--3way", content=patch).returncode:
            raise UserError(
                f"{merge[:12]} cannot be taken back by itself: later changes touch the same lines. Make a pull request "
                f"of `git revert -m 1 {merge}`, without -m 1 where it was squashed."
            )
        return run("write-tree").stdout.decode().strip()
