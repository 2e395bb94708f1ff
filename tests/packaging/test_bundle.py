"""A bundle is all that production needs, made whole or not at all, and says nothing of where or when."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from slipway.config.compose import Order, resolve
from slipway.config.serve import ServeConfig
from slipway.data.prepared import load_meta, load_rows
from slipway.errors import UserError
from slipway.files import sha256
from slipway.models.store import load
from slipway.packaging.bundle import (
    Package,
    build,
    parity,
    pick,
    record,
    token_rows,
    write_manifest,
)
from slipway.packaging.onnx import torch_logits
from slipway.predictor import Predictor

ROOT = Path(__file__).resolve().parents[2]
MADE_FROM = {"config": "c" * 64, "model": "d" * 64}


def serve(**changes: Any) -> ServeConfig:
    """conf/serve/default.yaml with changes."""
    return resolve(Order({}, {"serve": changes}), conf=ROOT / "conf")[0].serve


@pytest.fixture(scope="module")
def made(prepared: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Package]:
    """A bundle with 8-bit tables and recorded sentences of our own, made under a mask that hides files from others."""
    folder = tmp_path_factory.mktemp("made") / "bundle"
    config = serve(
        int8={"scopes": ["all", "embeddings"], "max_accuracy_drop": 0.01},
        recorded={"texts": ["Where is my card?", "What is the exchange rate?"]},
        limits={"texts": 7},
    )
    before = os.umask(0o077)
    try:
        package = build(load(trained), prepared, folder, config, "bank-bag", MADE_FROM, threads=2)
    finally:
        os.umask(before)
    return folder, package


def test_the_manifest_says_all_that_serving_needs(made: tuple[Path, Package], prepared: Path) -> None:
    manifest = json.loads((made[0] / "manifest.json").read_text(encoding="utf-8"))
    meta = load_meta(prepared)
    assert manifest["labels"] == list(meta.labels)
    assert (manifest["max_length"], manifest["pad_id"], manifest["unk_id"]) == (48, 0, 1)
    assert manifest["limits"] == {"texts": 7, "characters": 20000, "body_bytes": 2097152}
    assert manifest["made_from"] == {"data": meta.data_sha256, **MADE_FROM}
    assert (manifest["name"], manifest["precision"], manifest["schema_version"]) == ("bank-bag", "int8", 1)
    assert manifest["tolerance"] == 0.05
    assert [entry["text"] for entry in manifest["recorded"]] == ["Where is my card?", "What is the exchange rate?"]


def test_the_record_says_what_was_decided(made: tuple[Path, Package], prepared: Path) -> None:
    folder, package = made
    assert package.digest == Predictor(folder).digest
    assert package.files == {path.name: path.stat().st_size for path in folder.iterdir()}
    assert package.bytes == sum(package.files.values())
    assert package.parity.rows == len(load_rows(prepared, "test")) == 400
    assert 0 < package.parity.max_abs_difference <= package.parity.tolerance == 1e-4
    assert package.parity.max_abs_difference_shipped > 1e-4
    assert [(trial.scope, trial.refused is None) for trial in package.int8] == [("all", False), ("embeddings", True)]


def test_everybody_may_read_the_files(made: tuple[Path, Package]) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in made[0].iterdir()} == {0o644}
    assert stat.S_IMODE(made[0].stat().st_mode) == 0o755


def test_floats_ship_with_a_parity_below_the_tolerance_on_every_test_row(
    shipped: Path, prepared: Path, trained: Path
) -> None:
    predictor = Predictor(shipped)
    assert predictor.manifest["precision"] == "float32"
    expected = torch_logits(load(trained), token_rows(prepared, "test"), pad_id=0)
    answered = predictor.logits(load_rows(prepared, "test")["text"].tolist())
    assert np.abs(answered - expected).max() <= 1e-4
    assert (answered.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_the_tokenizer_is_the_prepared_one(shipped: Path, prepared: Path) -> None:
    assert sha256(shipped / "tokenizer.json") == sha256(prepared / "tokenizer.json")


class TestParity:
    def test_above_the_tolerance_names_the_row(self, shipped: Path, prepared: Path) -> None:
        rows, predictor = load_rows(prepared, "test"), Predictor(shipped)
        expected = predictor.logits(rows["text"].tolist())
        assert parity(predictor, expected, rows, 1e-4) < 1e-5
        expected[7, 3] += 0.001
        with pytest.raises(
            UserError, match=rf"by 0\.001 .*test row 7 \({rows['origin'][7]}\), whose .*; serve\.parity_tolerance"
        ):
            parity(predictor, expected, rows, 1e-4)

    def test_fails_where_a_logit_is_no_number(self, shipped: Path, prepared: Path) -> None:
        rows, predictor = load_rows(prepared, "test").head(5), Predictor(shipped)
        expected = predictor.logits(rows["text"].tolist())
        expected[2, 0] = np.nan
        with pytest.raises(UserError, match="test row 2"):
            parity(predictor, expected, rows, 1e-4)

    def test_that_fails_leaves_the_old_bundle(self, prepared: Path, trained: Path, bundle: Path) -> None:
        before = {path.name: sha256(path) for path in bundle.iterdir()}
        model = load(trained)
        with torch.no_grad():
            config = serve(parity_tolerance=1e-12, int8={"scopes": []})
            with pytest.raises(UserError, match=r"serve\.parity_tolerance allows 1e-12"):
                build(model, prepared, bundle, config, "bank-bag", MADE_FROM)
        assert {path.name: sha256(path) for path in bundle.iterdir()} == before
        assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


class TestRecorded:
    ROWS = pd.DataFrame({"text": ["a1", "b1", "a2", "a3", "c" * 99, "b2"], "label": ["a", "b", "a", "a", "c", "b"]})

    def test_rows_are_of_every_class_in_turn(self) -> None:
        assert pick(self.ROWS, 3, characters=100) == ["a1", "b1", "c" * 99]
        assert pick(self.ROWS, 5, characters=100) == ["a1", "b1", "c" * 99, "a2", "b2"]
        assert len(pick(self.ROWS, 50, characters=100)) == 6

    def test_rows_are_none_that_a_request_could_not_hold(self) -> None:
        assert pick(self.ROWS, 50, characters=98) == ["a1", "b1", "a2", "b2", "a3"]

    def test_predictions_are_what_the_bundle_answers(self, shipped: Path) -> None:
        predictor = Predictor(shipped)
        entry = record(predictor, ["where is my card"])[0]
        row = predictor.probabilities(["where is my card"])[0]
        assert entry["label"] == predictor.predict(["where is my card"])[0]["label"]
        assert entry["probabilities"] == pytest.approx(row.tolist(), abs=1e-6)
        assert entry["margin"] == pytest.approx(np.sort(row)[-1] - np.sort(row)[-2], abs=1e-6)


def test_the_digest_changes_with_every_file_and_fact(bundle: Path) -> None:
    facts = Predictor(bundle).manifest
    digests = {write_manifest(bundle, facts), write_manifest(bundle, facts)}
    assert digests == {facts["digest"]}
    digests.add(write_manifest(bundle, facts | {"name": "another"}))
    (bundle / "tokenizer.json").write_text("{}")
    digests.add(write_manifest(bundle, facts))
    assert len(digests) == 3
