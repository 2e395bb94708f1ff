"""Answers questions from one bundle, whoever brings them: the same over HTTP and for a direct invocation."""

import time
from contextlib import suppress
from functools import cached_property
from typing import Any

import question
from manifest import Verification
from observe import Observer, Told, write
from predictor import Floats, Predictor, Tokens
from problem import Problem
from settings import Settings


class Service:
    """A predictor with what surrounds it. Raises BundleError where the bundle is not whole."""

    def __init__(self, settings: Settings, verification: Verification | None = None) -> None:
        self.predictor = Predictor(settings.bundle, settings.threads, verification)
        self.manifest: dict[str, Any] = self.predictor.manifest
        self.limits: dict[str, int] = self.manifest["limits"]
        self.model = {"name": self.manifest["name"], "version": self.predictor.digest}
        self.capture = settings.capture
        self.observer = Observer(self.model)

    def answer(self, body: bytes, request_id: str) -> tuple[int, dict[str, Any]]:
        """Status and document for the body of a question; never raises."""
        return self._told(request_id, lambda: question.read(body, self.limits, len(self.predictor.labels)))

    def answer_value(self, value: Any, request_id: str) -> tuple[int, dict[str, Any]]:
        """The same for the value of a direct invocation."""
        return self._told(request_id, lambda: question.of_invocation(value, self.limits, len(self.predictor.labels)))

    def refuse(self, problem: Problem, request_id: str) -> tuple[int, dict[str, Any]]:
        """Status and document of a problem that is none of a question's."""
        self._observe(Told(request_id, "refused", problem.status, 0.0, problem.detail))
        return problem.status, problem.body(request_id)

    @cached_property
    def fault(self) -> str | None:
        """Why this service is not ready: a recorded prediction does not hold here. None where one does."""
        return next(iter(self.predictor.check_recorded(1)), None)

    def _told(self, request_id: str, read: Any) -> tuple[int, dict[str, Any]]:
        began = time.perf_counter()
        try:
            asked = read()
            tokens = self.predictor.encode(asked.texts)
            probabilities = self.predictor.scores(self.predictor.run(tokens))
            predictions = self.predictor.rank(probabilities, tokens, asked.top_k)
        except Problem as problem:
            told = Told(request_id, "refused", problem.status, since(began), problem.detail)
            answer = problem.status, problem.body(request_id)
        except Exception as error:
            print_exception()
            told = Told(request_id, "failed", 500, since(began), type(error).__name__)
            answer = 500, Problem(500, "the answer failed; the log says why").body(request_id)
        else:
            labels, scores = [each["label"] for each in predictions], [each["score"] for each in predictions]
            count = sum(len(each.ids) for each in tokens), sum(each.truncated for each in tokens)
            told = Told(request_id, "answered", 200, since(began), "", *count, labels, scores)
            answer = 200, {"predictions": predictions, "model": self.model, "request_id": request_id}
            self._capture(request_id, asked.texts, tokens, probabilities)
        self._observe(told)
        return answer

    def _capture(self, request_id: str, texts: list[str], tokens: list[Tokens], probabilities: Floats) -> None:
        """What is captured must not cost an answer."""
        try:
            if self.capture.takes(request_id):
                unknown = self.manifest["unk_id"]
                labels = self.predictor.labels
                write(self.capture.lines(request_id, self.model, labels, unknown, texts, tokens, probabilities))
        except Exception:
            print_exception()

    def _observe(self, told: Told) -> None:
        try:
            self.observer.request(told)
        except Exception:
            print_exception()


def since(began: float) -> float:
    """Milliseconds."""
    return 1000 * (time.perf_counter() - began)


def print_exception() -> None:
    """The traceback of what went wrong, into the log."""
    with suppress(Exception):  # the log may be what went wrong
        import traceback  # takes milliseconds of each cold start, for what hardly ever happens

        traceback.print_exc()
