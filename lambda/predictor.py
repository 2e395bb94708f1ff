"""Answers texts from a bundle: the one predictor, in Lambda and in the pipeline that measures it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

# before it is imported: its releases tell their makers of each session otherwise, over the network
# https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime
from tokenizers import Tokenizer

from manifest import SCHEMA_VERSION, BundleError, Verification, digest_of

__all__ = ["SCHEMA_VERSION", "BundleError", "Predictor", "Verification", "digest_of"]

ENCODED_AT_ONCE = 1024  # texts: what is cut off a long text also takes memory until its slab is done

Floats = npt.NDArray[np.float32]


class Tokens(NamedTuple):
    """A text as the model reads it: at least one token id, at most `max_length`."""

    ids: list[int]
    truncated: bool


class Score(TypedDict):
    """A class and its probability."""

    label: str
    score: float


class Prediction(Score):
    """The most probable class, the `top_k` best in order (itself first), and whether the text was cut."""

    alternatives: list[Score]
    truncated: bool


class Predictor:
    """A text classifier read from a bundle folder.

    Every file is compared with the manifest before it is opened. `threads` are the cores that one answer may use;
    `verification` is that comparison where it has begun already.
    Raises BundleError for a missing or altered file, for a manifest of another schema, and where labels and model
    do not fit. A file that the manifest does not name is not looked at.
    """

    def __init__(self, bundle: Path, threads: int = 1, verification: Verification | None = None) -> None:
        self.manifest = (verification or Verification(bundle)).manifest()
        self.digest: str = self.manifest["digest"]
        self.labels: list[str] = self.manifest["labels"]
        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
            self._session = open_session(bundle / "model.onnx", threads)
        except Exception as error:  # neither library promises anything narrower
            raise BundleError(
                f"{bundle} is whole, but cannot be opened: {error}. Is it made for other versions of the libraries, or "
                "are its files symbolic links (then `dvc config cache.type copy`, `dvc checkout --relink`)?"
            ) from error
        classes = self._session.get_outputs()[0].shape[-1]
        if classes != len(self.labels):
            raise BundleError(f"{bundle}: the manifest names {len(self.labels)} labels, the model answers {classes}.")
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str]) -> list[Tokens]:
        """Token ids of each text. A text without any token becomes one unknown one. Raises TypeError."""
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings, not one string")
        whole = [well_formed(text) for text in texts]
        unknown = self.manifest["unk_id"]
        nothing = [self.manifest["pad_id"] if unknown is None else unknown]
        return [
            Tokens(encoding.ids or nothing, bool(encoding.overflowing))
            for start in range(0, len(whole), ENCODED_AT_ONCE)
            for encoding in self._tokenizer.encode_batch_fast(whole[start : start + ENCODED_AT_ONCE])
        ]

    def logits(self, texts: Sequence[str]) -> Floats:
        """Logits (texts, classes) in the order of the texts."""
        return self.run(self.encode(texts))

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Class probabilities (texts, classes) in the order of the texts; each row sums to 1."""
        return self.scores(self.logits(texts))

    def predict(self, texts: Sequence[str], top_k: int = 1) -> list[Prediction]:
        """The answer to each text, in order, with its `top_k` most probable classes. Raises ValueError below 1."""
        tokens = self.encode(texts)
        return self.rank(self.scores(self.run(tokens)), tokens, top_k)

    def rank(self, probabilities: Floats, tokens: Sequence[Tokens], top_k: int = 1) -> list[Prediction]:
        """Answers out of probabilities (texts, classes) and what the texts were read as."""
        if top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {top_k}")
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :top_k]
        scores = np.take_along_axis(probabilities, best, axis=1)
        answers: list[Prediction] = []
        for indices, row, (_, truncated) in zip(best.tolist(), scores.tolist(), tokens, strict=True):
            ranked: list[Score] = [
                {"label": self.labels[index], "score": score} for index, score in zip(indices, row, strict=True)
            ]
            answers.append({**ranked[0], "alternatives": ranked, "truncated": truncated})
        return answers

    def run(self, tokens: Sequence[Tokens]) -> Floats:
        """Logits (texts, classes) of encoded texts, in their order.

        Padding is the cost of a batch: texts run sorted by length, in chunks of at most `token_budget` padded tokens.
        """
        logits = np.empty((len(tokens), len(self.labels)), np.float32)
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index].ids))
        lengths = [len(tokens[index].ids) for index in order]
        for start, stop in chunks(lengths, self.manifest["token_budget"]):
            longest = lengths[stop - 1]
            padding = [self.manifest["pad_id"]] * longest
            rows = [tokens[index].ids + padding[len(tokens[index].ids) :] for index in order[start:stop]]
            mask = np.arange(longest) < np.array(lengths[start:stop])[:, None]
            inputs = {"input_ids": np.array(rows, np.int64), "attention_mask": mask.astype(np.int64)}
            logits[order[start:stop]] = self._session.run(["logits"], inputs)[0]
        return logits

    def scores(self, logits: Floats) -> Floats:
        """Probabilities of logits, divided by the temperature that makes a score the share of right answers."""
        return softmax(logits / np.float32(self.manifest["temperature"]))

    def check_recorded(self, count: int | None = None) -> list[str]:
        """What is wrong with the first `count` recorded predictions (None: all of them); empty where all hold."""
        import recorded  # no answer needs it

        entries = self.manifest["recorded"][:count]
        if not entries:
            return ["the bundle records no prediction"]
        return recorded.faults(self.manifest, self.probabilities([entry["text"] for entry in entries]).tolist())


def open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session on the CPU."""
    options = onnxruntime.SessionOptions()
    # The graph was optimised when the bundle was made: doing it again costs most of the start.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def chunks(lengths: Sequence[int], budget: int) -> Iterator[tuple[int, int]]:
    """Bounds of runs of ascending `lengths`, each of at most `budget` tokens once padded (or of one text)."""
    start = 0
    for stop, length in enumerate(lengths):
        if stop > start and (stop - start + 1) * length > budget:
            yield start, stop
            start = stop
    if lengths:
        yield start, len(lengths)


def softmax(logits: Floats) -> Floats:
    """Probabilities (rows, classes) of logits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def well_formed(text: str) -> str:
    """The text with pairs of surrogates joined and lone ones, which no encoding can carry, as U+FFFD."""
    if not isinstance(text, str):
        raise TypeError(f"a text must be a string, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
