"""Whether a tree may be merged: its model is what its files make, its gate does not block it, and it was held against
the model that the base branch names. Nothing is run, and no data is needed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.delivery.handover import COMMITTED, RECORDED, Gate, checked, md5, plain_yaml, recorded
from slipway.errors import UserError
from slipway.evaluation.champion import champion_of, read_champion

LOCK = Path("dvc.lock")
GATE = Path("reports/gate.json")


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
    if stale := out_of_date() or broken_links(lock):
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
    candidate = recorded(lock, "package", "outs", "models/bundle")
    if candidate != champion and read_champion() != champion:
        found.append(
            f"the model was held against the champion {read_champion() or 'none'}, and {base} names "
            f"{champion or 'none'} by now: merge the base branch, and label the pull request `train` to have it "
            "compared with that (what is trained is not trained again)."
        )
    return found


def out_of_date() -> list[str]:
    """The stages that `dvc repro` would run; data that is not here counts as dvc.lock names it."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            return [str(stage.addressing) for stage in repo.reproduce(dry=True, allow_missing=True)]
    except DvcException as error:
        raise UserError(f"DVC cannot tell what is out of date: {' '.join(str(error).split())}") from error


def broken_links(lock: Mapping[str, Any]) -> list[str]:
    """The stages whose inputs, in dvc.lock, are not what the stage before wrote.

    DVC compares each stage with the files that are there; where they are not, a lock of two halves, as a merge of two
    branches leaves it, would pass.
    """
    stages = lock.get("stages")
    if not isinstance(stages, dict):
        raise UserError("dvc.lock names no stages: `dvc repro` writes it anew.")
    made = {out["path"]: out.get("md5") for stage in stages.values() for out in stage.get("outs", []) if "path" in out}
    return [
        str(name)
        for name, stage in stages.items()
        if any(made.get(dep.get("path"), dep.get("md5")) != dep.get("md5") for dep in stage.get("deps", []))
    ]


def text(path: Path) -> str:
    """A file of the tree. Raises UserError where it is no text, or of no sensible size."""
    most = COMMITTED[path.as_posix()]
    try:
        if path.stat().st_size > most:
            raise UserError(f"{path} is of more than {most:,} bytes: it is not what the pipeline writes.")
        return path.read_bytes().decode()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is missing, or no text: `dvc repro` writes it.") from error
