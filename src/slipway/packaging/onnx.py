"""Turns a torch model into the ONNX graph that ships."""

import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import Fail
from torch import nn

from slipway.errors import UserError

OPSET = 20
ROWS_AT_ONCE = 32


def export(model: nn.Module, path: Path, max_length: int) -> None:
    """Write `model` as an ONNX file (weights beside it) that takes any batch and any sequence up to `max_length`.

    Inputs `input_ids`, `attention_mask`: int64 (batch, sequence); output `logits`: float32 (batch, classes).
    Raises UserError where torch cannot express the model in ONNX.
    """
    model.eval()
    # Sizes of 0 and 1 would be taken for constants.
    ids = torch.ones((3, min(7, max_length)), dtype=torch.int64)
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=max_length)}
    with quiet():
        try:
            program = torch.onnx.export(
                model,
                (ids, torch.ones_like(ids)),
                dynamo=True,
                opset_version=OPSET,
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                dynamic_shapes=(axes, axes),
                verbose=False,
            )
        except torch.onnx.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise UserError(
                f"{type(model).__name__} cannot be exported to ONNX: {reason}. A forward(input_ids, attention_mask) of "
                "plain tensor operations, without branches on values or sizes, can be."
            ) from error
        assert program is not None
        program.save(path, external_data=True)
    clear(path)


def clear(path: Path) -> None:
    """Take out of an ONNX file what differs from folder to folder: source paths, traces, intermediate shapes."""
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    del graph.value_info[:]
    for function in model.functions:
        del function.value_info[:]
    of_functions = [part for function in model.functions for part in (function, *function.node)]
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *of_functions):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


def optimise(source: Path, folder: Path) -> None:
    """Write `model.onnx` and `model.onnx.data` in `folder`: the graph of `source`, fused for any CPU.

    ORT_ENABLE_ALL would tie it to the CPU of this machine. Weights in a file of their own are mapped when opened, not
    copied. Raises OSError where the disk is full.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(folder / "model.onnx")
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", "model.onnx.data")
    options.add_session_config_entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024")
    options.log_severity_level = 3
    try:
        onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    except Fail:
        # it says that it failed to write, not why: a copy fails for the same reason, and says it
        for file in source.parent.glob(f"{source.name}*"):
            shutil.copy(file, folder)
        raise


def torch_logits(model: nn.Module, rows: Sequence[npt.NDArray[Any]], pad_id: int) -> npt.NDArray[np.float32]:
    """Logits (rows, classes) of token ids, by torch, in the order of `rows`."""
    model.eval()
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    parts: list[npt.NDArray[np.float32]] = []
    for start in range(0, len(order), ROWS_AT_ONCE):
        batch = [torch.from_numpy(rows[index].astype(np.int64)) for index in order[start : start + ROWS_AT_ONCE]]
        ids = nn.utils.rnn.pad_sequence(batch, batch_first=True, padding_value=pad_id)
        lengths = torch.tensor([len(row) for row in batch])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        with torch.inference_mode():
            parts.append(model(ids, mask).float().numpy())
    logits = np.concatenate(parts)
    return logits[np.argsort(order)]


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back warnings about the libraries' own insides, which nobody here can mend."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
