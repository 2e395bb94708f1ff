"""What main asks for: the bundle and the image that a commit names, known without having either."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from slipway.delivery.image.tag import tag_of
from slipway.errors import UserError
from slipway.evaluation.champion import OUT, STAGE, git
from slipway.files import read_json

LOCK = Path("dvc.lock")
GATE = Path("reports/gate.json")
TAKE_ANYWAY = "gate.on_tie.champion: promote"  # for `set` in params.yaml, where the verdict is keep
DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Wanted:
    """A bundle by the digest in its manifest, the tag of the image with it, and the commit that asks for them.

    `verdict` is the gate's; `promote`, too, where the champion that it keeps is this very bundle.
    """

    bundle: str
    tag: str
    commit: str
    verdict: str


def wanted() -> Wanted | None:
    """What this checkout asks for; None where no model was trained yet.

    Raises UserError where reports/gate.json is not the one that dvc.lock names.
    """
    if not LOCK.is_file():
        return None
    gate = read_json(GATE, "gate")
    if locked("gate", str(GATE)) != hashlib.md5(GATE.read_bytes(), usedforsecurity=False).hexdigest():
        raise UserError(f"{GATE} is not the one that {LOCK} names: `dvc repro` makes both, and both must be committed.")
    bundle, verdict = gate.get("bundle"), gate.get("verdict")
    if not (isinstance(bundle, str) and DIGEST.fullmatch(bundle) and isinstance(verdict, str)):
        raise UserError(f"{GATE} names no bundle: `dvc repro -f -s gate` writes it anew.")
    champion = gate.get("champion")
    if verdict == "keep" and champion is not None and champion == locked(STAGE, OUT):
        verdict = "promote"
    commit = git("rev-parse", "HEAD")
    if commit is None:
        raise UserError("git knows no commit here: run this in a checkout.")
    return Wanted(bundle, tag_of(bundle), commit, verdict)


def needed() -> Wanted:
    """As `wanted`. Raises UserError where there is nothing, and where the gate says block."""
    found = wanted()
    if found is None:
        raise UserError(f"{LOCK} is missing: no model was trained yet. A pull request labelled `train` brings it.")
    if found.verdict == "block":
        raise UserError(f"{GATE} says block: this bundle is not released. It says why.")
    return found


def locked(stage: str, path: str) -> str | None:
    """The MD5 of a stage's output in dvc.lock."""
    content = yaml.safe_load(LOCK.read_text(encoding="utf-8"))
    stages = content.get("stages", {}) if isinstance(content, dict) else {}
    outs = stages.get(stage, {}).get("outs", [])
    return next((str(out.get("md5")) for out in outs if out.get("path") == path), None)
