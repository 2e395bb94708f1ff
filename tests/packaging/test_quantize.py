"""8-bit weights ship where the validation rows allow it, and nowhere else. Shown on a really trained bag."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from slipway.config.serve import Int8
from slipway.data.prepared import load_rows, load_split
from slipway.models.bag import Bag
from slipway.models.store import load
from slipway.packaging.bundle import candidate
from slipway.packaging.onnx import export
from slipway.packaging.quantize import Scope, Trial, judge, quantize
from slipway.predictor import Predictor

LIMITS = {"scopes": ("all", "embeddings"), "max_accuracy_drop": 0.002, "max_batch_shift": 1e-4, "tolerance": 0.05}


@dataclass(frozen=True)
class Tried:
    """A model with 32-bit weights and with 8-bit ones, and the verdict for given limits."""

    floats: Predictor
    eight: Predictor
    judge: Callable[..., Trial]


def attempt(model: torch.nn.Module, scope: Scope, prepared: Path, shipped: Path, work: Path) -> Tried:
    facts = Predictor(shipped).manifest
    export(model, work / "exported.onnx", 48)
    quantize(work / "exported.onnx", work / "eight.onnx", scope)
    floats = Predictor(candidate(work / "exported.onnx", work / "floats", prepared, facts))
    eight = Predictor(candidate(work / "eight.onnx", work / "eight", prepared, facts))
    texts = load_rows(prepared, "validation")["text"].tolist()
    labels = np.asarray(load_split(prepared, "validation").labels)

    def verdict(**changes: float) -> Trial:
        return judge(scope, floats, eight, texts, labels, Int8.model_validate(LIMITS | changes))

    return Tried(floats, eight, verdict)


@pytest.fixture(scope="module")
def tables(prepared: Path, trained: Path, shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    return attempt(load(trained), "embeddings", prepared, shipped, tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def everything(prepared: Path, trained: Path, shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    return attempt(load(trained), "all", prepared, shipped, tmp_path_factory.mktemp("everything"))


def test_tables_are_kept_where_accuracy_holds(tables: Tried) -> None:
    trial = tables.judge()
    assert trial.refused is None
    assert trial.accuracy > 0.9
    assert trial.accuracy_drop <= 0.002
    assert trial.batch_shift <= 1e-4


def test_tables_become_smaller(tables: Tried) -> None:
    floats, eight = (each.manifest["files"]["model.onnx.data"]["bytes"] for each in (tables.floats, tables.eight))
    assert eight < 0.7 * floats  # the index of n-grams stays as it is
    texts = ["where is my card", "what is the exchange rate"]
    assert 0 < np.abs(tables.floats.logits(texts) - tables.eight.logits(texts)).max() < 1


def test_matrices_are_refused_where_a_text_would_answer_for_its_neighbours(everything: Tried) -> None:
    trial = everything.judge()
    assert trial.batch_shift > 1e-4
    assert trial.refused is not None
    assert "with the texts beside it, 0.0001 is allowed" in trial.refused


def test_matrices_are_kept_where_that_is_allowed(everything: Tried) -> None:
    assert everything.judge(max_batch_shift=10.0, max_accuracy_drop=0.02).refused is None


def test_a_model_that_loses_accuracy_is_refused(prepared: Path, trained: Path, shipped: Path, tmp_path: Path) -> None:
    model = load(trained)
    assert isinstance(model, Bag)
    with torch.no_grad():
        # one weight far out leaves the 8 bits of all others nothing to tell apart; floats do not mind
        model.wide.weight[-1, 0] = 1e4
    tried = attempt(model, "embeddings", prepared, shipped, tmp_path)
    trial = tried.judge()
    assert trial.accuracy_drop > 0.002
    assert trial.refused is not None
    assert trial.refused.startswith("accuracy on the validation rows falls by 0.")
    assert trial.refused.endswith("0.002 is allowed")
    assert tried.judge(max_accuracy_drop=1.0).refused is None


def test_equal_weights_give_equal_bytes(tables: Tried, prepared: Path, trained: Path, tmp_path: Path) -> None:
    export(load(trained), tmp_path / "exported.onnx", 48)
    quantize(tmp_path / "exported.onnx", tmp_path / "eight.onnx", "embeddings")
    again = Predictor(candidate(tmp_path / "eight.onnx", tmp_path / "eight", prepared, tables.eight.manifest))
    assert again.manifest["files"] == tables.eight.manifest["files"]
    shutil.rmtree(tmp_path / "eight")
