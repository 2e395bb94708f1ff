"""The smoke handler says whether the bundle answers here as it did where it was made, and what is wrong where not."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.predictor import Predictor, digest_of
from slipway.rehearsal.emulator import Emulator

Change = Callable[[dict[str, Any]], None]


def smoke(bundle: Path) -> dict[str, Any]:
    """The answer of the handler, run as Lambda runs it."""
    with Emulator(bundle, "smoke.handler") as function:
        return function.invoke({"any": "event"})


def rewrite(bundle: Path, change: Change) -> None:
    """Change the manifest, and give it the digest of what it says now."""
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    manifest["digest"] = "0" * 64
    content = json.dumps(manifest).encode()
    path.write_bytes(content.replace(b"0" * 64, digest_of(content, "0" * 64).encode(), 1))


def test_a_good_bundle_is_good(shipped: Path) -> None:
    predictor = Predictor(shipped)
    recorded = len(predictor.manifest["recorded"])
    assert recorded > 1
    assert smoke(shipped) == {"ok": True, "bundle": predictor.digest, "checked": recorded, "faults": []}


def other_label(manifest: dict[str, Any]) -> None:
    entry = manifest["recorded"][1]
    entry["label"] = next(label for label in manifest["labels"] if label != entry["label"])


def other_probability(manifest: dict[str, Any]) -> None:
    manifest["recorded"][-1]["probabilities"][0] += 2 * manifest["tolerance"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (other_label, r"recorded\[1\]: the label is .+, recorded was .+"),
        (other_probability, r"recorded\[15\]: a probability is 0.002 off, 0.001 is allowed"),
    ],
)
def test_a_recorded_prediction_that_does_not_hold_is_named(bundle: Path, change: Change, fault: str) -> None:
    rewrite(bundle, change)
    told = smoke(bundle)
    assert told["ok"] is False
    assert told["bundle"] == Predictor(bundle).digest
    assert len(told["faults"]) == 1
    assert re.fullmatch(fault, told["faults"][0])


def test_a_difference_within_the_tolerance_holds(bundle: Path) -> None:
    def slightly(manifest: dict[str, Any]) -> None:
        manifest["recorded"][1]["probabilities"][0] += manifest["tolerance"] / 2

    rewrite(bundle, slightly)
    assert smoke(bundle)["ok"] is True


def test_another_label_by_less_than_the_tolerance_holds(bundle: Path) -> None:
    def undecided(manifest: dict[str, Any]) -> None:
        other_label(manifest)
        manifest["recorded"][1]["margin"] = manifest["tolerance"] / 2

    rewrite(bundle, undecided)
    assert smoke(bundle)["ok"] is True


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "tokenizer.json"])
@pytest.mark.parametrize("missing", [False, True])
def test_a_damaged_file_is_named(bundle: Path, name: str, missing: bool) -> None:
    path = bundle / name
    content = path.read_bytes()
    path.unlink() if missing else path.write_bytes(content[:-2] + b"x\n")
    told = smoke(bundle)
    assert (told["ok"], told["bundle"], told["checked"]) == (False, None, 0)
    (fault,) = told["faults"]
    assert fault.startswith(f"{path} ")
    assert ("cannot be read" in fault) == missing


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(files=None),
        lambda manifest: manifest.update(token_budget="many"),
        lambda manifest: manifest["recorded"][0]["probabilities"].append(0.0),
    ],
    ids=["files", "token_budget", "recorded"],
)
def test_a_bundle_that_is_whole_and_none_is_a_fault(bundle: Path, change: Change) -> None:
    rewrite(bundle, change)
    told = smoke(bundle)
    assert (told["ok"], told["checked"], len(told["faults"])) == (False, 0, 1)
    assert str(bundle) in told["faults"][0]


def test_a_bundle_of_a_newer_schema_is_refused(bundle: Path) -> None:
    rewrite(bundle, lambda manifest: manifest.update(schema_version=2))
    assert "the bundle was made by newer code" in smoke(bundle)["faults"][0]


def test_the_bundle_beside_the_code_is_the_one_without_a_setting(shipped: Path, tmp_path: Path) -> None:
    code = shutil.copytree(Path(__file__).resolve().parents[2] / "lambda", tmp_path / "code")
    shutil.copytree(shipped, code / "bundle")
    function = Emulator(shipped, "smoke.handler", code=code)
    del function.environment["SLIPWAY_BUNDLE"]
    with function:
        assert function.invoke({})["ok"] is True
