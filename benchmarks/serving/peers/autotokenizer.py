"""What peers commonly answer with: transformers' AutoTokenizer and an onnxruntime session, each by its defaults."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from transformers import AutoTokenizer


class Classifier:
    """A model folder that answers texts."""

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / "model.json").read_bytes())
        self.labels, self.temperature = facts["labels"], facts["temperature"]
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        options = onnxruntime.SessionOptions()
        # the default on a machine of so many cores; where a process may use fewer than there are, it would take more
        options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        self.session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.names = [each.name for each in self.session.get_inputs()]

    def predict(self, texts: list[str]) -> list[dict[str, Any]]:
        """The most probable class of each text, with its probability; padded to the longest."""
        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="np")
        logits = self.session.run(["logits"], {name: tokens[name].astype(np.int64) for name in self.names})[0]
        powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.temperature)
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        best = probabilities.argmax(axis=1)
        return [
            {"label": self.labels[index], "score": float(row[index])}
            for index, row in zip(best, probabilities, strict=True)
        ]


def classifier() -> Classifier:
    """Of the folder that the benchmark names."""
    return Classifier(Path(os.environ["BENCHMARK_MODEL"]))
