"""Bundles to serve, made from the default data as the pipeline makes them; and the same models as peers keep them."""

import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import onnx
import torch
import transformers
from torch import nn

from training import order, prepare, untrained_minilm

from slipway.config.compose import resolve
from slipway.data.prepared import load_meta, load_rows, load_split
from slipway.models.store import build as build_model
from slipway.packaging.bundle import build as pack
from slipway.packaging.onnx import export
from slipway.training.loop import train

HANDLERS = Path(__file__).parent / "peers"
# of the default data; `minilm` takes few, since every one is answered several times before a model is packed
ROWS = {"bag": 30_000, "encoder": 8_000, "minilm": 3_000}
MODELS = tuple(ROWS)
VOCABULARY = 30_522  # of BERT, and so of MiniLM


@dataclass(frozen=True)
class Served:
    """One model: the bundle, the folder with what peers read, and texts of the test split to answer."""

    name: str
    bundle: Path
    peer: Path
    texts: list[str]


def make(name: str, folder: Path) -> Served:
    """Prepare, train a little, and package. `minilm` keeps its random weights: they cost as much time as others."""
    prepared, minilm = folder / f"{name}-prepared", folder / "minilm"
    tokenizer: dict[str, Any] = {}
    if name == "minilm":
        untrained_minilm(minilm, VOCABULARY)
        tokenizer = {"vocab_size": VOCABULARY, "min_frequency": 1}
    prepare(resolve(order("encoder", minilm, {"model": {"tokenizer": tokenizer}}))[0], ROWS[name], prepared)
    meta = load_meta(prepared)
    resolved, _ = resolve(order(name, minilm, {"train": {"epochs": 1}}))
    torch.manual_seed(0)
    with silence():
        model = build_model(resolved.model, meta, prepared)
        if name != "minilm":
            rows, validation = load_split(prepared, "train"), load_split(prepared, "validation")
            steps = folder / f"{name}-steps"
            model = train(model, resolved.model, resolved.train, meta, rows, validation, steps).model
        bundle, peer = folder / f"{name}-bundle", folder / f"{name}-peer"
        pack(model.eval(), prepared, bundle, resolved.serve, name, {"config": "0" * 64, "model": "1" * 64})
        keep_for_peers(model, bundle, peer)
    return Served(name, bundle, peer, load_rows(prepared, "test")["text"].tolist())


def keep_for_peers(model: nn.Module, bundle: Path, folder: Path) -> None:
    """The model with its tokenizer as AutoTokenizer reads it, in the folders

    - same: the very files that the bundle has;
    - plain: the graph as torch exports it, in one file, its weights in it;
    - pyfunc: an MLflow model of `plain`;
    - torchscript: the torch model, traced.
    """
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    reader = transformers.PreTrainedTokenizerFast(tokenizer_file=str(bundle / "tokenizer.json"))
    reader.pad_token = reader.convert_ids_to_tokens(manifest["pad_id"])
    reader.model_max_length = manifest["max_length"]
    facts = {key: manifest[key] for key in ("labels", "temperature")}
    for name in ("same", "plain", "torchscript"):
        reader.save_pretrained(folder / name)
        (folder / name / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    for file in bundle.glob("model.onnx*"):
        shutil.copyfile(file, folder / "same" / file.name)
    export(model, folder / "exported.onnx", manifest["max_length"])
    onnx.save(onnx.load(folder / "exported.onnx"), folder / "plain" / "model.onnx")
    ids = torch.ones((3, 7), dtype=torch.int64)
    torch.jit.trace(model, (ids, torch.ones_like(ids))).save(  # type: ignore[no-untyped-call]
        folder / "torchscript" / "model.pt"
    )
    mlflow.pyfunc.save_model(
        folder / "pyfunc",
        python_model=str(HANDLERS / "pyfunc_model.py"),
        artifacts={"model": str(folder / "plain")},
        code_paths=[str(HANDLERS / "autotokenizer.py")],
        pip_requirements=["mlflow"],
    )


@contextmanager
def silence() -> Iterator[None]:
    """What the loop, the exporter and MLflow say of themselves is no figure."""
    logging.disable(logging.WARNING)
    with (
        Path(os.devnull).open("w") as nothing,
        redirect_stdout(nothing),
        redirect_stderr(nothing),
        warnings.catch_warnings(action="ignore"),
    ):
        yield
    logging.disable(logging.NOTSET)
