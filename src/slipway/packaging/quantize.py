"""Makes a graph with 8-bit weights, and decides whether it is good enough to ship."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from onnxruntime.quantization import QuantType, quantize_dynamic

from slipway.config.serve import Int8
from slipway.metrics import accuracy
from slipway.packaging.onnx import quiet
from slipway.predictor import Predictor

Scope = Literal["all", "embeddings"]
OPERATORS: dict[Scope, list[str]] = {"all": ["MatMul", "Gather"], "embeddings": ["Gather"]}
ROWS_ALONE = 256


@dataclass(frozen=True)
class Trial:
    """What 8-bit weights did on the validation split: accuracies, and how far a logit moved with its batch."""

    scope: Scope
    accuracy: float
    accuracy_drop: float
    batch_shift: float
    refused: str | None


def quantize(source: Path, target: Path, scope: Scope) -> None:
    """Write `source` (an exported graph, before optimisation) to `target` with 8-bit weights.

    Unsigned weights: signed ones overflow in 16 bits on x86 without VNNI, and the answers would depend on the CPU.
    """
    with quiet():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=OPERATORS[scope],
            weight_type=QuantType.QUInt8,
            use_external_data_format=True,
        )


def judge(
    scope: Scope,
    floats: Predictor,
    candidate: Predictor,
    texts: Sequence[str],
    labels: npt.NDArray[np.int64],
    limits: Int8,
) -> Trial:
    """Hold the 8-bit `candidate` against the 32-bit `floats` on the validation rows.

    Activations that are rounded as the model runs share one scale a batch, so that a text's answer depends on the
    texts that come with it: the logits of rows alone and in company show how much.
    """
    logits = candidate.logits(texts)
    reached = accuracy(labels, logits.argmax(axis=1))
    drop = round(accuracy(labels, floats.logits(texts).argmax(axis=1)) - reached, 6)
    alone = np.concatenate([candidate.logits([text]) for text in texts[:ROWS_ALONE]])
    shift = float(np.abs(alone - logits[:ROWS_ALONE]).max())
    refused = None
    if not drop <= limits.max_accuracy_drop:
        refused = f"accuracy on the validation rows falls by {drop:.4f}, {limits.max_accuracy_drop:g} is allowed"
    elif not shift <= limits.max_batch_shift:
        refused = f"a logit moves by {shift:.2g} with the texts beside it, {limits.max_batch_shift:g} is allowed"
    return Trial(scope, reached, drop, shift, refused)
