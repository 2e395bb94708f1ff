"""A real bundle of a linear model, trained on real news headlines, and what was found about it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from slipway.config.card import Card
from slipway.config.gate import GateConfig
from slipway.evaluation.findings import Findings, find
from slipway.files import sha256
from slipway.predictor import SCHEMA_VERSION, Predictor, digest_of

GATE = {
    "alpha": 0.05,
    "resamples": 500,
    "seed": 0,
    "baseline": {"ngrams": 2, "c": 1.0},
    "on_tie": {"champion": "keep", "baseline": "promote"},
    "budgets": {"latency_ms": 100.0, "size_mb": 200.0, "calibration_error": None, "batch_changes": 0.0},
    "enforce": False,
}
PACKAGE = {
    "digest": "0" * 64,
    "name": "news-linear",
    "precision": "float32",
    "temperature": 1.0,
    "bytes": 1_234_567,
    "files": {"model.onnx": 1_234_567},
    "parity": {"rows": 1336, "max_abs_difference": 3e-7, "tolerance": 1e-4, "max_abs_difference_shipped": 3e-7},
    "int8": [{"scope": "all", "accuracy": 0.9, "accuracy_drop": 0.02, "batch_shift": 0.0, "refused": "falls by 0.02"}],
    "latency_ms": {"batch_1": {"p50": 0.21, "p90": 0.34}, "batch_32": {"p50": 2.1, "p90": 3.3}},
}


@dataclass(frozen=True)
class News:
    """Headlines and their categories."""

    train: pd.DataFrame
    test: pd.DataFrame

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted(self.train["label"].unique()))


def make_gate_config(**changes: object) -> GateConfig:
    """The gate's default values with some changed."""
    return GateConfig.model_validate_json(json.dumps(GATE | changes))


@pytest.fixture(scope="session")
def gate_config() -> Callable[..., GateConfig]:
    return make_gate_config


@pytest.fixture(scope="session")
def package() -> dict[str, Any]:
    """The content of a package.json."""
    return PACKAGE


@pytest.fixture
def card() -> Card:
    return Card(owner="news desk", intended_use="Sorts headlines.", limits="English headlines of 2014.")


@pytest.fixture(scope="session")
def news(uci_news: Path) -> News:
    names = {"b": "business", "t": "technology", "e": "entertainment", "m": "health"}

    def rows(part: str) -> pd.DataFrame:
        path = uci_news / f"{part}.txt"
        frame = pd.read_csv(path, sep="\t", names=["text", "label"], quoting=3, encoding="utf-8")
        origins = [f"{path.name}:{row}" for row in range(1, len(frame) + 1)]
        return frame.assign(label=frame["label"].map(names), origin=origins).dropna()

    return News(rows("train"), rows("test"))


@pytest.fixture(scope="session")
def make_bundle() -> Callable[..., Path]:
    """Train a linear model on texts and labels, and write its bundle into a new folder."""
    return linear_bundle


def linear_bundle(texts: list[str], labels: list[str], folder: Path, c: float = 1.0) -> Path:
    """Train word weights and write them as a bundle that any predictor takes."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(min_frequency=2, special_tokens=["<pad>", "<unk>"]))
    tokenizer.enable_truncation(64)
    encoded = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]
    counts = csr_matrix(
        (
            np.ones(sum(map(len, encoded))),
            np.concatenate(encoded),
            np.cumsum([0, *map(len, encoded)]),
        ),
        shape=(len(texts), tokenizer.get_vocab_size()),
    )
    counts.sum_duplicates()
    model = LogisticRegression(C=c, max_iter=100, tol=1e-3).fit(counts, labels)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    weights, bias = model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)
    if weights.shape[1] == 1:
        weights, bias = np.hstack([-weights, weights]), np.hstack([-bias, bias])
    write_linear(weights, bias, folder / "model.onnx")
    blank = "0" * 64
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "digest": blank,
        "name": "news-linear",
        "precision": "float32",
        "labels": [str(label) for label in model.classes_],
        "max_length": 64,
        "pad_id": 0,
        "unk_id": 1,
        "token_budget": 4096,
        "limits": {"texts": 256, "characters": 20000, "body_bytes": 2_000_000},
        "temperature": 1.0,
        "tolerance": 0.001,
        "recorded": [],
        "made_from": {"data": "a" * 64},
        "files": {
            name: {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
            for name in ("model.onnx", "tokenizer.json")
        },
    }
    content = json.dumps(manifest, indent=2).encode()
    (folder / "manifest.json").write_bytes(content.replace(blank.encode(), digest_of(content, blank).encode(), 1))
    return folder


def write_linear(weights: np.ndarray, bias: np.ndarray, path: Path) -> None:
    """logits = bias + the sum of the weights of the tokens that the mask lets through."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", weights.shape[1]])]
    nodes = [
        helper.make_node("Gather", ["weights", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["float_mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float_mask", "last"], ["mask"]),
        helper.make_node("Mul", ["rows", "mask"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "tokens"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "bias"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(bias, "bias"),
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "tokens"),
    ]
    graph = helper.make_graph(nodes, "linear", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)


@pytest.fixture(scope="session")
def bundle(news: News, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of a linear model trained on all headlines."""
    return linear_bundle(
        news.train["text"].tolist(), news.train["label"].tolist(), tmp_path_factory.mktemp("bundle") / "models"
    )


@pytest.fixture(scope="session")
def predictor(bundle: Path) -> Predictor:
    return Predictor(bundle)


@pytest.fixture(scope="session")
def findings(news: News, predictor: Predictor, package: dict[str, Any]) -> Findings:
    """What evaluation finds out about the bundle of headlines, without a champion."""
    return find(predictor, news.train, news.test, package, make_gate_config())
