"""Latency is measured on real texts, alone and in batches."""

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from slipway.data.prepared import load_rows
from slipway.packaging.latency import BATCHES, measure
from slipway.predictor import Prediction, Predictor


class Watched(Predictor):
    """A predictor that knows how long its answers took, by the number of texts."""

    def __init__(self, bundle: Path) -> None:
        super().__init__(bundle)
        self.seconds: defaultdict[int, list[float]] = defaultdict(list)

    def predict(self, texts: Sequence[str], top_k: int = 1) -> list[Prediction]:
        start = time.perf_counter()
        answers = super().predict(texts, top_k)
        self.seconds[len(texts)].append(time.perf_counter() - start)
        return answers


def test_latency_of_one_text_and_of_a_batch(shipped: Path, prepared: Path) -> None:
    predictor = Watched(shipped)
    latency = measure(predictor, load_rows(prepared, "test")["text"].tolist())
    assert set(latency) == {f"batch_{batch}" for batch in BATCHES}
    assert all(0 < each["p50"] <= each["p90"] for each in latency.values())
    for batch in BATCHES:
        seconds = predictor.seconds[batch]
        assert 1000 * min(seconds) < latency[f"batch_{batch}"]["p50"]
        assert latency[f"batch_{batch}"]["p50"] < 1000 * max(seconds) + 1


def test_fewer_texts_than_a_batch_are_taken_again(shipped: Path) -> None:
    assert measure(Predictor(shipped), ["where is my card"])["batch_32"]["p50"] > 0
