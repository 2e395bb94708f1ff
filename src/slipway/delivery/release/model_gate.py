"""Whether a tree may be merged: its model is what its files make, its gate is for it, and it was held against the model
that the base branch names. A model that the base branch named before may come back without that, but for one that the
gate keeps out. Nothing is run, no data is needed.
"""

from contextlib import suppress
from pathlib import Path

from slipway.delivery.release.wanted import GATE, LOCK, TAKE_ANYWAY
from slipway.delivery.report.handover import (
    COMMITTED,
    RECORDED,
    Gate,
    checked,
    md5,
    plain_yaml,
    recorded,
)
from slipway.errors import UserError
from slipway.evaluation.champion import OUT, STAGE, champion_of, git, read_champion


def objections(base: str) -> list[str] | None:
    """Why the tree of this folder may not be merged into the git revision `base`, each a sentence; none is good.

    None where there is no dvc.lock: nothing was trained here yet. Raises UserError where `base` is unknown.
    """
    _, champion = champion_of(base)
    if not LOCK.is_file():
        if champion is None:
            return None
        return ["dvc.lock is missing, and the base branch has one: merge the base branch, and bring it back."]
    lock = plain_yaml(str(LOCK), text(LOCK))
    if stale := out_of_date():
        return [
            f"dvc.lock does not describe this tree: {', '.join(stale)} would run. Label the pull request `train`, or "
            "run `dvc repro` and commit what it writes."
        ]
    found = [
        f"{name} is not the one that dvc.lock describes: take back what was changed in it by hand."
        for name, (stage, kind) in RECORDED.items()
        if not Path(name).is_file() or recorded(lock, stage, kind, name) != md5(text(Path(name)))
    ]
    if found:
        return found
    gate = checked(Gate, str(GATE), text(GATE))
    if gate.verdict == "block":
        found.append(f"{GATE} says block: {' '.join(gate.reasons)}")
    candidate = recorded(lock, STAGE, "outs", OUT)
    if candidate == champion:
        return found
    if gate.verdict == "keep" and gate.champion != candidate:
        found.append(
            f"{GATE} says keep: {' '.join(gate.reasons)} The champion stays, and a merge would put this model into "
            f"production. To take it anyway, write `{TAKE_ANYWAY}` under `set` in params.yaml, and label the pull "
            "request `train` (what is trained is not trained again)."
        )
    if read_champion() != champion and not (candidate and was_champion(base, candidate)):
        found.append(
            f"the model was held against the champion {read_champion() or 'none'}, and {base} names "
            f"{champion or 'none'} by now: merge the base branch, and label the pull request `train` to have it "
            "compared with that (what is trained is not trained again)."
        )
    return found


def was_champion(base: str, bundle: str) -> bool:
    """Whether dvc.lock of an earlier commit on the main line of `base` named the bundle with this DVC hash."""
    told = ("log", "--first-parent", "-m", f"-S{bundle}", "--format=%H", "--end-of-options", base, "--", str(LOCK))
    # each brought the hash, or took it away
    for commit in (git(*told) or "").split():
        # a lock of half a pipeline names no bundle
        with suppress(UserError):
            if champion_of(commit)[1] == bundle:
                return True
    return False


def out_of_date() -> list[str]:
    """The stages that changed since `dvc repro` last ran, in their order; data that is not here counts as locked.

    As `dvc repro --dry --allow-missing`, which breaks off at a stage that changed and whose data is not here.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo, repo.lock:
            graph = repo.index.graph
            return [
                str(stage.addressing)
                for stage in repo.index.stages
                if stage.changed(allow_missing=True, upstream=list(graph.successors(stage)))
            ]
    except DvcException as error:
        raise UserError(f"DVC cannot tell what is out of date: {' '.join(str(error).split())}") from error


def text(path: Path) -> str:
    """A file of the tree. Raises UserError where it is no text, or of no sensible size."""
    most = COMMITTED[path.as_posix()]
    try:
        if path.stat().st_size > most:
            raise UserError(f"{path} is of more than {most:,} bytes: it is not what the pipeline writes.")
        return path.read_bytes().decode()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is missing, or no text: `dvc repro` writes it.") from error
