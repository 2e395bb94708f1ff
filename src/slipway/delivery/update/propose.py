"""What is new in the template, as a pull request: the patch is data here, and nothing of it is run."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slipway.delivery.github import commit
from slipway.delivery.github.api import GitHub, again
from slipway.delivery.github.objects import changes, tree_between
from slipway.delivery.github.pulls import propose as open_pull
from slipway.delivery.update.patch import CRUFT, PATCH, Update
from slipway.errors import UserError
from slipway.evaluation.champion import git

# a workflow's token may not write them, whatever it may else
WORKFLOWS = ".github/workflows/"
BRANCH = "template/"
MOST_FILES = 50  # that are named


def propose(github: GitHub, update: Update, patch: bytes, base: str, run: str) -> dict[str, Any]:
    """The pull request of an update to branch `base`, of which the checkout is the tip; `run` is this run's number.

    It is opened once: one that somebody closed stays closed. Raises UserError where `base` has moved on, for a patch
    that does not fit, and where one was merged without what was left to a person.
    """
    if update.head != git("rev-parse", "HEAD") or commit.tip(github, base) != update.head:
        raise UserError(f"{base} has moved on from {update.head[:12]}: run the workflow again.")
    tree = applied(patch, update.head)
    branch = f"{BRANCH}{update.after[:12]}"
    owner = github.repository.partition("/")[0]

    def found() -> Any:
        return next(iter(github.get("pulls", head=f"{owner}:{branch}", base=base, state="all", per_page=1)), None)

    left = [path for _, _, path in changes(update.head, tree) if path.startswith(WORKFLOWS)]
    if there := found():
        if there["merged_at"]:
            raise UserError(
                f"#{there['number']} was merged without what a person was to bring ({', '.join(left) or CRUFT}): run "
                "`cruft update --skip-apply-ask` on your own machine, and push that."
            )
        return dict(there)
    if commit.tip(github, branch) is None:
        # the project is not where the template is until the workflows are there, too
        theirs = (WORKFLOWS, str(CRUFT)) if left else ()
        whole = tree_between(github, update.head, tree, lambda path: not path.startswith(theirs))
        message = f"Take what is new in the template, {update.before[:12]} to {update.after[:12]}"
        commit.start(github, branch, commit.commit(github, message, whole, update.head))
    # what a pull request of a workflow starts waits for approval
    github.post("actions/workflows/ci.yml/dispatches", {"ref": branch}, look=again)
    body = {
        "title": f"What is new in the template ({update.after[:12]})",
        "head": branch,
        "base": base,
        "body": in_words(update, left, run, earlier(github, base)),
        "draft": bool(left or update.conflicts),
    }
    return open_pull(github, body, found)


def applied(patch: bytes, head: str) -> str:
    """The tree of `head` with the patch. Raises UserError where it does not fit."""
    with TemporaryDirectory() as folder:
        # an index of its own: the checkout stays what it is
        environment = os.environ | {"GIT_INDEX_FILE": str(Path(folder, "index"))}

        def told(*words: str, content: bytes | None = None) -> str:
            done = subprocess.run(["git", *words], input=content, capture_output=True, env=environment, check=False)
            if done.returncode:
                raise UserError(f"the update does not fit {head[:12]}: {done.stderr.decode(errors='replace').strip()}")
            return done.stdout.decode().strip()

        told("read-tree", head)
        told("apply", "--cached", "--whitespace=nowarn", content=patch)
        return told("write-tree")


def earlier(github: GitHub, base: str) -> list[int]:
    """The open pull requests of this kind: what they bring, a later one brings as well."""
    there = github.pages("pulls", base=base, state="open")
    return [each["number"] for each in there if each["head"]["ref"].startswith(BRANCH)]


def in_words(update: Update, left: list[str], run: str, older: list[int]) -> str:
    """What the pull request says, in Markdown."""
    lines = [
        f"The template went from {update.before} to {update.after}. What you changed stays. Where *model-gate* is red, "
        "it changes what your model is made of: label it `train`."
    ]
    if older:
        lines += [
            "",
            f"It brings all that {', '.join(f'#{number}' for number in older)} would: close what you do not merge.",
        ]
    if update.conflicts:
        lines += ["", "**Both changed the same lines** here; they stand between git's marks until you choose:", ""]
        lines += listed(update.conflicts)
    if update.kept:
        lines += [
            "",
            "**Nothing was merged in these**: it removed what you have changed, renamed something to what you have, or "
            "changed what you have no more. Look at the template's for what you miss.",
            "",
        ]
        lines += listed(update.kept)
    if left:
        there = f".git/template-{update.after[:12]}-{run}"  # which git does not track
        lines += [
            "",
            "**A person must bring the rest before this is merged**: "
            f"no workflow may write `{WORKFLOWS}`. This does it, by your rights:",
            "",
            "```",
            f"gh pr checkout {BRANCH}{update.after[:12]} &&",
            f"gh run download {run} --name template-update --dir {there} &&",
            f"git apply --3way --include='{WORKFLOWS}*' --include={CRUFT} {there}/{PATCH} &&",
            'git commit --all --message "Take the template\'s workflows" && git push',
            "```",
            "",
            "GitHub keeps the download for 30 days; later `cruft update --skip-apply-ask` does the same there.",
            "",
            *listed(left),
        ]
    return "\n".join(lines)


def listed(paths: list[str]) -> list[str]:
    """A list of files, cut where it is long."""
    # no more than one line each, whatever it is called
    plain = ["".join(char for char in path if char.isprintable() and char != "`") for path in paths]
    shown = [f"- `{path}`" for path in plain[:MOST_FILES]]
    return shown + ([f"- and {len(paths) - MOST_FILES} more"] if len(paths) > MOST_FILES else [])
