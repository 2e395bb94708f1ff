"""Warm figures of lambda/ in a process of its own: warm.py QUESTION.json FIGURES.json, see benchmarks/latency.py.

What the function logs goes to standard output.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from app import handler, service
from predictor import Tokens
from serving.start import Context

LENGTHS = (8, 32, 128)  # tokens
BATCHES = (1, 8, 32)  # texts
LEAST = 0.03  # seconds for one figure of one round
REQUESTS = 50  # of one text
predictor = service.predictor
Times = list[float]


def padded(tokens: list[Tokens]) -> dict[str, Any]:
    """Inputs of the model (texts, longest), in the order of the texts."""
    longest = max(len(each.ids) for each in tokens)
    pad = predictor.manifest["pad_id"]
    rows = [each.ids + [pad] * (longest - len(each.ids)) for each in tokens]
    mask = [[1] * len(each.ids) + [0] * (longest - len(each.ids)) for each in tokens]
    return {"input_ids": np.array(rows, np.int64), "attention_mask": np.array(mask, np.int64)}


def raw(inputs: dict[str, Any]) -> Any:
    """The session that `predict` uses, by itself."""
    return predictor._session.run(["logits"], inputs)


def ready(tokens: list[Tokens]) -> Any:
    """What `predict` does with texts that are tokenised."""
    return predictor.rank(predictor.scores(predictor.run(tokens)), tokens)


def ways(texts: list[list[str]]) -> dict[str, Callable[[], Any]]:
    """Three ways to answer batches of texts: all of `predict`, without its tokenising, and the bare session."""
    tokens = [predictor.encode(batch) for batch in texts]
    inputs = [padded(batch) for batch in tokens]
    return {
        "predict": lambda: [predictor.predict(batch) for batch in texts],
        "ready": lambda: [ready(batch) for batch in tokens],
        "raw": lambda: [raw(batch) for batch in inputs],
    }


def timed(call: Callable[[], Any], least: float = LEAST) -> Times:
    """Milliseconds of each call, of as many as `least` seconds take."""
    found: Times = []
    until = time.perf_counter() + least
    while not found or time.perf_counter() < until:
        began = time.perf_counter()
        call()
        found.append(1000 * (time.perf_counter() - began))
    return found


def overhead(texts: list[str], event: dict[str, Any]) -> float:
    """CPU ms that a request takes beyond `predict` of its texts; they take turns."""
    bare, whole = [], []
    for _ in range(max(5, REQUESTS // len(texts))):
        began = time.process_time()
        predictor.predict(texts)
        middle = time.process_time()
        handler(event, Context())
        whole.append(time.process_time() - middle)
        bare.append(middle - began)
    return 1000 * (median(whole) - median(bare))


def of_length(words: list[str], length: int) -> str:
    """Words of real texts, as many as come to so many tokens."""
    text = ""
    while words and len(predictor.encode([f"{text} {words[0]}"])[0].ids) <= length:
        text = f"{text} {words.pop(0)}".strip()
        if len(predictor.encode([text])[0].ids) == length:
            break
    return text


def main() -> None:
    """Answer the question in the first file into the second."""
    question = json.loads(Path(sys.argv[1]).read_bytes())
    texts, events, turns = question["texts"], question["events"], question["rounds"]
    words = " ".join(question["more"]).split()
    calls: dict[str, dict[str, Callable[[], Any]]] = {
        "batch 1": ways([[text] for text in texts]),
        "batch 32": ways([texts]),
    }
    for length in LENGTHS:
        made = [of_length(words, length) for _ in range(max(BATCHES))]
        for batch in BATCHES:
            of_all = ways([list(islice(made, batch))])
            calls[f"{batch} x {length}"] = {way: of_all[way] for way in ("predict", "raw")}
    mixed = [predictor.encode(batch) for batch in question["mixed"].values()]
    for name, tokens in zip(question["mixed"], mixed, strict=True):
        inputs = padded(tokens)
        calls[name] = {"ready": lambda tokens=tokens: ready(tokens), "raw": lambda inputs=inputs: raw(inputs)}  # type: ignore[misc]
    figures: dict[str, Any] = {name: {way: [] for way in each} for name, each in calls.items()}
    requests: dict[str, Times] = {name: [] for name in events}
    for name in calls.keys() - question["mixed"].keys():  # the first call of a shape takes memory
        for call in calls[name].values():
            call()
    for turn in range(turns):
        for name, each in calls.items():
            ones = list(each)
            for way in ones[turn % len(ones) :] + ones[: turn % len(ones)]:
                figures[name][way].append(timed(each[way]))
        for name, asked in events.items():
            requests[name].append(overhead(asked["texts"], asked["event"]))
    tokens_of = {name: [len(each.ids) for each in batch] for name, batch in zip(question["mixed"], mixed, strict=True)}
    Path(sys.argv[2]).write_text(
        json.dumps({"calls": figures, "overhead": requests, "tokens": tokens_of}), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
