"""Makes the bundle: the one folder that production needs, the same bytes for the same inputs."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import nn

from slipway.config.serve import ServeConfig
from slipway.data.prepared import Meta, load_meta, load_rows, load_split, load_tokenizer
from slipway.errors import UserError
from slipway.files import disk_full_in_words, sha256, whole_folder, write_json
from slipway.packaging.calibrate import temperature
from slipway.packaging.latency import measure
from slipway.packaging.onnx import export, optimise, torch_logits
from slipway.packaging.quantize import Trial, judge, quantize
from slipway.predictor import SCHEMA_VERSION, Predictor, digest_of

TMPDIR = "Free some space there, or let TMPDIR name a folder on another disk,"


@dataclass(frozen=True)
class Parity:
    """How far the bundle's logits are from torch's over the test rows, before any rounding to 8 bits and after."""

    rows: int
    max_abs_difference: float
    tolerance: float
    max_abs_difference_shipped: float


@dataclass(frozen=True)
class Package:
    """What packaging decided and measured; latency and the last digits of parity vary from machine to machine."""

    digest: str
    name: str
    precision: str
    temperature: float
    bytes: int
    files: dict[str, int]
    parity: Parity
    int8: tuple[Trial, ...]
    latency_ms: dict[str, dict[str, float]]


def build(
    model: nn.Module,
    prepared: Path,
    bundle: Path,
    config: ServeConfig,
    name: str,
    made_from: dict[str, str],
    threads: int = 1,
) -> Package:
    """Write the bundle of `model`, which was trained on `prepared`, whole or not at all.

    `made_from` are hashes that say where the model comes from. `threads` only make the long passes faster.
    Raises UserError where torch and the bundle differ by more than the tolerance.
    """
    meta = load_meta(prepared)
    # a damaged one is named here: further on it would be the fault of a bundle in a temporary folder
    load_tokenizer(prepared)
    with TemporaryDirectory() as folder, disk_full_in_words(Path(gettempdir()), TMPDIR):
        work = Path(folder)
        export(model, work / "exported.onnx", meta.max_length)
        facts = facts_of(meta, config, name, {"data": meta.data_sha256, **made_from})
        chosen = candidate(work / "exported.onnx", work / "float32", prepared, {**facts, "precision": "float32"})
        floats = Predictor(chosen, threads)
        rows = load_rows(prepared, "test")
        expected = torch_logits(model, token_rows(prepared, "test"), meta.pad_id)
        difference = parity(floats, expected, rows, config.parity_tolerance)
        validation = load_rows(prepared, "validation")["text"].tolist()
        labels = np.asarray(load_split(prepared, "validation").labels)
        trials = []
        for scope in config.int8.scopes:
            quantize(work / "exported.onnx", work / f"{scope}.onnx", scope)
            eight = {**facts, "precision": "int8", "tolerance": config.int8.tolerance}
            tried = candidate(work / f"{scope}.onnx", work / scope, prepared, eight)
            trials.append(judge(scope, floats, Predictor(tried, threads), validation, labels, config.int8))
            if trials[-1].refused is None:
                chosen = tried
                break
        predictor = Predictor(chosen)
        calibrated = temperature(predictor.logits(validation), labels)
        write_manifest(chosen, {**predictor.manifest, "temperature": calibrated})
        predictor = Predictor(chosen)
        texts = list(config.recorded.texts) or pick(rows, config.recorded.count, config.limits.characters)
        digest = write_manifest(chosen, {**predictor.manifest, "recorded": record(predictor, texts)})
        shipped = float(np.abs(Predictor(chosen, threads).logits(rows["text"].tolist()) - expected).max())
        with whole_folder(bundle) as fresh:
            # not copytree, which hides why it failed
            for file in chosen.iterdir():
                shutil.copyfile(file, fresh / file.name)
            readable(fresh)
        latency = measure(Predictor(bundle), rows["text"].tolist())
    files = {path.name: path.stat().st_size for path in sorted(bundle.iterdir())}
    return Package(
        digest=digest,
        name=name,
        precision=predictor.manifest["precision"],
        temperature=calibrated,
        bytes=sum(files.values()),
        files=files,
        parity=Parity(len(rows), difference, config.parity_tolerance, shipped),
        int8=tuple(trials),
        latency_ms=latency,
    )


def facts_of(meta: Meta, config: ServeConfig, name: str, made_from: dict[str, str]) -> dict[str, Any]:
    """What the manifest says, whatever the precision; nothing of it depends on time, host or folder."""
    return {
        "name": name,
        "labels": list(meta.labels),
        "max_length": meta.max_length,
        "pad_id": meta.pad_id,
        "unk_id": meta.unk_id,
        "token_budget": config.token_budget,
        "limits": config.limits.model_dump(mode="json"),
        "temperature": 1.0,
        "tolerance": config.recorded.tolerance,
        "recorded": [],
        "made_from": made_from,
    }


def candidate(graph: Path, folder: Path, prepared: Path, facts: dict[str, Any]) -> Path:
    """A bundle without recorded predictions, made of an exported graph: these come once it can predict."""
    folder.mkdir()
    optimise(graph, folder)
    shutil.copyfile(prepared / "tokenizer.json", folder / "tokenizer.json")
    write_manifest(folder, facts)
    return folder


def write_manifest(folder: Path, facts: dict[str, Any]) -> str:
    """Write manifest.json over all other files of `folder`; returns its digest, which names the whole bundle."""
    path = folder / "manifest.json"
    files = {
        file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)}
        for file in sorted(folder.iterdir())
        if file != path
    }
    blank = "0" * 64
    manifest = {**facts, "schema_version": SCHEMA_VERSION, "files": files, "digest": blank}
    write_json(path, manifest)
    digest = digest_of(path.read_bytes(), blank)
    write_json(path, {**manifest, "digest": digest})
    return digest


def parity(predictor: Predictor, expected: npt.NDArray[np.float32], rows: pd.DataFrame, tolerance: float) -> float:
    """Largest |difference| between the bundle's logits, from the texts, and torch's, from the prepared tokens.

    Raises UserError above `tolerance` (or where a logit is not a number), naming the row that is furthest off.
    """
    differences = np.abs(predictor.logits(rows["text"].tolist()) - expected).max(axis=1)
    worst = int(differences.argmax())
    logit = float(np.abs(expected[worst]).max())
    if not differences[worst] <= tolerance:
        raise UserError(
            f"the exported model differs from torch by {differences[worst]:.3g} in a logit of test row {worst} "
            f"({rows['origin'].iloc[worst]}), whose largest is {logit:.3g}; serve.parity_tolerance allows "
            f"{tolerance:g}. Either the model computes something that ONNX does otherwise, or tokenizer.json no longer "
            "gives the tokens in data/prepared: `dvc repro --force --single-item prepare` tells."
        )
    return float(differences[worst])


def token_rows(prepared: Path, name: str) -> list[npt.NDArray[Any]]:
    """The token ids of each row of a split."""
    split = load_split(prepared, name)
    return [split.tokens[start:stop] for start, stop in zip(split.offsets[:-1], split.offsets[1:], strict=True)]


def pick(rows: pd.DataFrame, count: int, characters: int) -> list[str]:
    """Up to `count` texts no longer than `characters`: the first of each class, then the second of each, and so on."""
    short = rows[rows["text"].str.len() <= characters]
    turn = short.groupby("label").cumcount()
    ordered = short.assign(turn=turn).sort_values(["turn", "label"], kind="stable")
    return ordered["text"].head(count).tolist()


def record(predictor: Predictor, texts: Sequence[str]) -> list[dict[str, Any]]:
    """What the bundle answers here and should answer anywhere; `margin` is the best probability less the second."""
    recorded = []
    for text, row in zip(texts, predictor.probabilities(texts), strict=True):
        second, best = np.partition(row, -2)[-2:]
        recorded.append(
            {
                "text": text,
                "label": predictor.labels[int(row.argmax())],
                "probabilities": [round(float(value), 6) for value in row],
                "margin": round(float(best - second), 6),
            }
        )
    return recorded


def readable(folder: Path) -> None:
    """Let every user read the bundle: a Lambda function is none that we know."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)
