"""Many clients at once, and many requests one after another, get right answers from a service that does not grow."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests

from predictor import Predictor

CLIENTS = 32
# by whether it is `make soak-test`
SECONDS = {True: 60, False: 10}
REQUESTS = {True: 50_000, False: 15_000}
STEPS = 5  # the memory is looked at after each
ASKS = """
import json, os, random, sys
import psutil
import app

texts = [line for line in open(sys.argv[1], encoding="utf-8").read().split("\\n") if line]
random, process, seen = random.Random(0), psutil.Process(), []
for number in range(int(sys.argv[2]) + 1):
    if number % int(sys.argv[3]) == 0:
        seen.append(process.memory_info().rss)
    asked = {"texts": random.choices(texts, k=random.choice((1, 1, 1, 4, 16)))}
    if number % 4 == 0:
        assert "predictions" in app.handler(asked, None)
        continue
    wrong = number % 16 == 1
    event = {"headers": {"content-type": "application/json"}, "body": json.dumps([] if wrong else asked)}
    http = {"method": "POST", "path": "/predict", "sourceIp": "192.0.2.1"}
    if number % 4 == 1:
        event |= {"version": "2.0", "routeKey": "$default", "requestContext": {"http": http}, "rawQueryString": ""}
    else:
        event |= {"requestContext": {"elb": {}}, "httpMethod": "POST", "path": "/predict"}
    assert app.handler(event, None)["statusCode"] == (422 if wrong else 200)
print(*seen, file=sys.stderr)
"""


@pytest.mark.slow
def test_32_clients_get_their_own_answers(server: str, shipped: Path, rows: pd.DataFrame, soak: bool) -> None:
    texts = rows["text"].tolist()
    expected = [answer["label"] for answer in Predictor(shipped).predict(texts)]
    end, faults, answered = time.monotonic() + SECONDS[soak], [], [0] * CLIENTS

    def client(number: int) -> None:
        chance, session = np.random.default_rng(number), requests.Session()
        while time.monotonic() < end and not faults:
            some = chance.integers(len(texts), size=int(chance.choice([1, 2, 8, 32]))).tolist()
            try:
                answer = session.post(f"{server}/predict", json={"texts": [texts[row] for row in some]}, timeout=30)
                labels = [each["label"] for each in answer.json()["predictions"]]
            except Exception as error:
                faults.append(repr(error))
                return
            if labels != [expected[row] for row in some]:
                faults.append(f"client {number}: {some}")
            answered[number] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert min(answered) > 0
    print(f"{CLIENTS} clients, {SECONDS[soak]} s: {sum(answered):,} right answers")


@pytest.mark.slow
def test_memory_stays_as_it_is_over_many_requests(
    shipped: Path, rows: pd.DataFrame, tmp_path: Path, soak: bool
) -> None:
    (tmp_path / "texts").write_text("\n".join(" ".join(text.split()) for text in rows["text"]), encoding="utf-8")
    folder = Path(__file__).resolve().parents[2] / "lambda"
    environment = os.environ | {
        "SLIPWAY_BUNDLE": str(shipped),
        "PYTHONPATH": str(folder),
        "SLIPWAY_CAPTURE_RATE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASKS, str(tmp_path / "texts"), str(REQUESTS[soak]), str(REQUESTS[soak] // STEPS)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second, *later = map(int, done.stderr.split())
    assert len(later) == STEPS - 1
    # the first step fills caches of the allocators
    assert max(later) - second < 80 * REQUESTS[soak], (first, second, *later)
    print(f"{REQUESTS[soak]:,} requests, bytes along the way:", first, second, *later)
