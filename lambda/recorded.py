"""The predictions that a bundle carries: asked again of whoever answers, and compared with what comes."""

from collections.abc import Iterator, Sequence
from typing import Any

MOST_NAMED = 8192  # classes that one answer names: lambda/question.py


def questions(manifest: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Events that ask all recorded texts for all classes, each with the number of its first text."""
    limits, classes = manifest["limits"], len(manifest["labels"])
    texts: list[str] = []
    start = size = 0
    for number, entry in enumerate(manifest["recorded"]):
        more = len(entry["text"].encode("utf-8", "surrogatepass"))
        if texts and (len(texts) == min(limits["texts"], MOST_NAMED // classes) or size + more > limits["body_bytes"]):
            yield start, {"texts": texts, "top_k": classes}
            texts, start, size = [], number, 0
        texts, size = [*texts, entry["text"]], size + more
    if texts:
        yield start, {"texts": texts, "top_k": classes}


def wrong_with(manifest: dict[str, Any], start: int, question: dict[str, Any], answer: Any) -> list[str]:
    """What is wrong with the answer to an event of `questions`; empty where all of it holds."""
    try:
        if answer["model"]["version"] != manifest["digest"]:
            return [f"another bundle answers: {answer['model']['version']}"]
        scores = [{each["label"]: each["score"] for each in told["alternatives"]} for told in answer["predictions"]]
        rows = [[float(told[label]) for label in manifest["labels"]] for told in scores]
        if len(rows) != len(question["texts"]):
            raise ValueError(f"{len(rows)} predictions for {len(question['texts'])} texts")
    except (KeyError, TypeError, ValueError):
        told = answer.get("detail") or answer.get("errorMessage") if isinstance(answer, dict) else None
        return [f"recorded[{start}]: no prediction is answered: {str(told or answer)[:300]}"]
    return faults(manifest, rows, start)


def faults(manifest: dict[str, Any], probabilities: Sequence[Sequence[float]], start: int = 0) -> list[str]:
    """What is wrong with probabilities (texts, classes) of the recorded texts from `start` on.

    CPUs differ in the last bits, so a prediction holds where every probability is within the manifest's tolerance,
    and the label is the same wherever the recorded margin exceeds that tolerance. Raises ValueError for other shapes.
    """
    tolerance, labels = manifest["tolerance"], manifest["labels"]
    entries = manifest["recorded"][start : start + len(probabilities)]
    found = []
    for number, (entry, row) in enumerate(zip(entries, probabilities, strict=True), start):
        label = labels[max(range(len(row)), key=row.__getitem__)]
        moved = [abs(now - then) for now, then in zip(row, entry["probabilities"], strict=True)]
        if label != entry["label"] and entry["margin"] > tolerance:
            found.append(f"recorded[{number}]: the label is {label}, recorded was {entry['label']}")
        elif not all(each <= tolerance for each in moved):  # what is no number is not, either
            found.append(f"recorded[{number}]: a probability is {max(moved):.2g} off, {tolerance:g} is allowed")
    return found
