"""actions/checkout: a real fetch from the remote repository.

https://github.com/actions/checkout
"""

import re
import shutil
import subprocess

from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.machine import StepError
from slipway.rehearsal.runner.origin import SERVER


def checkout(use: Use) -> None:
    """Fetch `fetch-depth` commits and check one out. With `persist-credentials` later steps may fetch, and push where
    the token may write contents; without, they reach nothing.
    """
    origin, machine = use.machine.origin, use.machine
    allowed = machine.permissions.get("contents")
    if allowed is None:
        raise StepError(f"remote: Repository not found: the job's token lacks `contents: read` on {origin.repository}")
    folder = use.inside(use.text("path", "."))
    if not folder.resolve().is_relative_to(machine.workspace.resolve()):
        raise StepError(f"Repository path '{folder}' is not under '{machine.workspace}'")
    if folder.exists():  # as `clean` leaves it where another repository's files are
        for each in folder.iterdir():
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    remote = machine.runner.github.git_address(machine.token)
    address = f"{SERVER}/{origin.repository}"
    reference, commit, branch = _wanted(use)

    def git(*words: str) -> None:
        use.run(["git", "-c", "advice.detachedHead=false", *words], folder)

    git("init", "--quiet", "--initial-branch=main")
    git("config", "--local", "gc.auto", "0")
    git("config", "--local", "protocol.https.allow", "never")  # nothing here asks the real GitHub
    git("remote", "add", "origin", address)
    depth = int(use.text("fetch-depth", "1"))
    tags = "--tags" if use.flag("fetch-tags") or depth == 0 else "--no-tags"
    wanted = [f"+{commit or reference}:{reference.replace('refs/heads/', 'refs/remotes/origin/')}"]
    if reference.startswith("refs/pull/"):
        wanted = [f"+{commit or reference}:refs/remotes/{reference.removeprefix('refs/')}"]
    if depth == 0:
        wanted = ["+refs/heads/*:refs/remotes/origin/*", *([] if reference.startswith("refs/heads/") else wanted)]
        if commit:
            wanted.append(commit)
    shallow = [f"--depth={depth}"] if depth else []
    git(
        "-c",
        f"url.{remote}.insteadOf={address}",
        "fetch",
        "--quiet",
        "--prune",
        "--no-recurse-submodules",
        tags,
        *shallow,
        "origin",
        *wanted,
    )
    target = commit or (reference.replace("refs/heads/", "refs/remotes/origin/") if branch else reference)
    if branch:
        git("checkout", "--quiet", "--force", "-B", branch, target)
        git("config", "--local", f"branch.{branch}.remote", "origin")
        git("config", "--local", f"branch.{branch}.merge", f"refs/heads/{branch}")
    else:
        git("checkout", "--quiet", "--force", "--detach", target)
    if use.flag("persist-credentials", True):
        git("config", "--local", f"url.{remote}.insteadOf", address)
        if allowed != "write":
            git("config", "--local", "remote.origin.pushurl", f"{SERVER}/no-write-permission")
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
    use.outputs |= {"ref": use.text("ref", origin.ref), "commit": told.stdout.strip()}


def _wanted(use: Use) -> tuple[str, str, str]:
    """The reference, the commit where it is known, and the branch to be on ('' for none)."""
    origin = use.machine.origin
    given = use.text("ref")
    if not given:
        branch = origin.ref.removeprefix("refs/heads/") if origin.ref.startswith("refs/heads/") else ""
        return origin.ref, origin.sha, branch
    if re.fullmatch(r"[0-9a-f]{40}", given):
        return "refs/checkout", given, ""
    if given.startswith("refs/heads/") or not given.startswith("refs/"):
        name = given.removeprefix("refs/heads/")
        repository = use.machine.runner.repository
        if (
            not given.startswith("refs/")
            and not repository.has(f"refs/heads/{name}")
            and repository.has(f"refs/tags/{name}")
        ):
            return f"refs/tags/{name}", "", ""
        return f"refs/heads/{name}", "", name
    return given, "", ""
