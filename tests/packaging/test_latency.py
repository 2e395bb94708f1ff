"""Latency is measured on real texts, alone and in batches."""

from pathlib import Path

from slipway.data.prepared import load_rows
from slipway.packaging.latency import BATCHES, measure
from slipway.predictor import Predictor


def test_latency_of_one_text_and_of_a_batch(shipped: Path, prepared: Path) -> None:
    latency = measure(Predictor(shipped), load_rows(prepared, "test")["text"].tolist())
    assert set(latency) == {f"batch_{batch}" for batch in BATCHES}
    assert all(0 < each["p50"] <= each["p90"] for each in latency.values())
    assert latency["batch_1"]["p50"] < latency["batch_32"]["p50"]


def test_fewer_texts_than_a_batch_are_taken_again(shipped: Path) -> None:
    assert measure(Predictor(shipped), ["where is my card"])["batch_32"]["p50"] > 0
