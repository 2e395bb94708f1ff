"""The champion: the bundle that `champion.json` names by its DVC hash, wherever a copy of it is."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from slipway.errors import UserError
from slipway.files import write_json

CHAMPION = Path("champion.json")
HASH = re.compile(r"[0-9a-f]{32}\.dir")
STAGE, OUT = "package", "models/bundle"


def read_champion(path: Path = CHAMPION) -> str | None:
    """The DVC hash of the champion's bundle, or None where there is no champion. Raises UserError for anything else."""
    none = '{"bundle": null} means that there is no champion.'
    mend = f"`slipway champion REVISION` writes it; {none}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        digest = content["bundle"]
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: {mend}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f'{path} does not say {{"bundle": ...}}: {mend}') from error
    if digest is not None and not (isinstance(digest, str) and HASH.fullmatch(digest)):
        raise UserError(
            f"{path}: bundle: {digest!r} is not the DVC hash of a folder (32 hex digits and `.dir`): {mend}"
        )
    return digest


def write_champion(digest: str | None, path: Path = CHAMPION) -> None:
    """Write nothing but the hash: a file that says more would make stages run for nothing."""
    write_json(path, {"bundle": digest})


def champion_of(revision: str) -> tuple[str, str | None]:
    """The commit that `revision` names, and the hash of the bundle in its dvc.lock; None where it has no lock.

    Raises UserError where git does not know the revision, or its lock has no bundle.
    """
    commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise UserError(f"git knows no revision {revision!r}: `git fetch` may bring it.")
    lock = git("show", f"{commit}:./dvc.lock")
    if lock is None:
        return commit, None
    content = yaml.safe_load(lock)
    stages = content.get("stages", {}) if isinstance(content, dict) else {}
    outs = stages.get(STAGE, {}).get("outs", [])
    for out in outs:
        if out.get("path") == OUT and HASH.fullmatch(str(out.get("md5"))):
            return commit, str(out["md5"])
    raise UserError(
        f"dvc.lock of {revision} has no output {OUT} of stage {STAGE}: it was not written by this pipeline."
    )


def git(*arguments: str) -> str | None:
    """What git prints, or None where it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8", check=False)
    return done.stdout.strip() if done.returncode == 0 else None


@contextmanager
def bundle_of(digest: str, root: Path = Path()) -> Iterator[Path]:
    """The folder with this DVC hash, from the local cache or else the remote, for as long as the block lasts.

    `root` is the project with `.dvc`. Raises UserError where neither has all of it.
    """
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, path in cached_files(digest, root).items():
            shutil.copyfile(path, folder / name)
        yield folder


def cached_files(digest: str, root: Path) -> dict[str, Path]:
    """The files of the folder with this hash by name, in DVC's local cache; the remote is asked for what is missing."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc_data.hashfile.hash_info import HashInfo

    folder = HashInfo("md5", digest)
    try:
        with Repo(str(root)) as repo:
            if not cached(repo, folder):
                repo.cloud.pull([folder])
            files = entries(repo, folder) if cached(repo, folder) else {}
            lacking = [info for info in files.values() if not cached(repo, info)]
            if lacking:
                repo.cloud.pull(lacking)
            if not files or not all(cached(repo, info) for info in files.values()):
                raise not_found(digest, "neither the local cache nor the remote has all of it")
            return {name: Path(repo.cache.local.oid_to_path(info.value)) for name, info in files.items()}
    except (DvcException, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise not_found(digest, f"the local cache lacks it, and no remote can be asked: {reason}") from error


def cached(repo: Any, info: Any) -> bool:
    """Whether the cache of a dvc.repo.Repo holds the object with this dvc_data HashInfo, undamaged."""
    from dvc_objects.errors import ObjectFormatError

    try:
        repo.cache.local.check(info.value)
    except (FileNotFoundError, ObjectFormatError):
        return False
    return True


def entries(repo: Any, folder: Any) -> dict[str, Any]:
    """The HashInfo of each file of a cached folder, by name. Raises UserError for a folder within."""
    from dvc_data.hashfile.tree import Tree

    files = {"/".join(key): info for key, _, info in Tree.load(repo.cache.local, folder)}
    for name in files:
        if Path(name).name != name:
            raise UserError(f"{CHAMPION}: {folder.value} is no bundle: it holds {name!r}, and a bundle has no folders.")
    return files


def not_found(digest: str, why: str) -> UserError:
    """Say that the champion cannot be had, and what to do."""
    return UserError(
        f"{CHAMPION} names the bundle {digest}, but {why.rstrip('.')}. `dvc push` where it was made, with the remote "
        'that is configured here, makes it available; `slipway champion REVISION` names another; {"bundle": null} '
        "in the file goes on without a champion."
    )
