"""One temperature makes scores mean what they say, and changes no label."""

import numpy as np
import pytest

from slipway.metrics import ece
from slipway.packaging.calibrate import temperature


def drawn(sharpness: float, rows: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `sharpness` times those that the labels were drawn from."""
    generator = np.random.default_rng(0)
    true = generator.normal(size=(rows, 5)).astype(np.float32) * 2
    probabilities = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    labels = (generator.random((rows, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=4)
    return (true * sharpness).astype(np.float32), labels


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_what_the_model_is_too_sure_or_unsure_of(sharpness: float) -> None:
    logits, labels = drawn(sharpness)
    found = temperature(logits, labels)
    assert found == pytest.approx(sharpness, rel=0.05)
    scaled = np.exp(logits / found)
    assert ece(labels, scaled / scaled.sum(axis=1, keepdims=True)) < 0.02


def test_a_model_that_is_always_right_does_not_break_the_fit() -> None:
    labels = np.arange(100) % 3
    assert 0 < temperature(np.eye(3, dtype=np.float32)[labels] * 10, labels) < 1
