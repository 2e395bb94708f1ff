"""Measures how long the bundle takes to answer."""

import time
from collections.abc import Sequence

import numpy as np

from slipway.predictor import Predictor

BATCHES = {1: 300, 32: 60}
SECONDS_EACH = 3.0


def measure(predictor: Predictor, texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """Milliseconds from texts to answers, `{"batch_1": {"p50": ..., "p90": ...}, "batch_32": ...}`.

    Real texts in turn, as many rounds as `BATCHES` says or as fit into `SECONDS_EACH`; the first few warm up.
    """
    latency = {}
    for batch, rounds in BATCHES.items():
        requests = [[texts[(number * batch + row) % len(texts)] for row in range(batch)] for number in range(rounds)]
        for request in requests[:3]:
            predictor.predict(request)
        taken: list[float] = []
        for request in requests:
            start = time.perf_counter()
            predictor.predict(request)
            taken.append(time.perf_counter() - start)
            if sum(taken) > SECONDS_EACH:
                break
        p50, p90 = np.percentile(taken, [50, 90]) * 1000
        latency[f"batch_{batch}"] = {"p50": round(float(p50), 4), "p90": round(float(p90), 4)}
    return latency
