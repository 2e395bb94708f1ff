"""What production is asked, for monitoring: a line of JSON a text, made to be shipped to S3 by a log subscription.

Lines hold `capture`, the version of this schema, which a subscription filter can look for: `{ $.capture = 1 }`.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from predictor import Floats, Tokens

SCHEMA_VERSION = 1
MOST_CHARACTERS = 8000  # of a text: a line stays far below the 256 KB of an event of CloudWatch Logs
Texts = Literal["hash", "text", "none"]


@dataclass(frozen=True)
class Capture:
    """Which share of requests is captured, and what of a text: its SHA-256, itself, or nothing."""

    rate: float = 0.0
    texts: Texts = "hash"

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"the share of requests to capture is {self.rate}, not between 0 and 1")
        if self.texts not in get_args(Texts):
            raise ValueError(f"{self.texts!r} is no way to capture a text: {', '.join(get_args(Texts))}")

    def takes(self, request_id: str) -> bool:
        """Whether a request is captured: by the hash of its id, so that whoever sees the id knows."""
        first = hashlib.sha256(request_id.encode("utf-8", "replace")).digest()[:8]
        return int.from_bytes(first, "big") < self.rate * 2**64

    def lines(
        self,
        request_id: str,
        model: dict[str, str],
        labels: Sequence[str],
        unknown: int | None,
        texts: Sequence[str],
        tokens: "Sequence[Tokens]",
        probabilities: "Floats",
    ) -> Iterator[str]:
        """One line a text; `model` says which model answered, `unknown` is the id of unknown tokens."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        for place, (text, (ids, truncated), row) in enumerate(zip(texts, tokens, probabilities, strict=True)):
            second, best = sorted(row.tolist())[-2:] if len(row) > 1 else (0.0, float(row[0]))
            yield json.dumps(
                {
                    "capture": SCHEMA_VERSION,
                    "time": now,
                    "request_id": request_id,
                    "place": place,
                    "model": model,
                    **self._told(text),
                    "label": labels[int(row.argmax())],
                    "score": round(best, 6),
                    "margin": round(best - second, 6),
                    "tokens": len(ids),
                    "unknown_tokens": 0 if unknown is None else ids.count(unknown),
                    "truncated": truncated,
                },
                separators=(",", ":"),
            )

    def _told(self, text: str) -> dict[str, str | bool]:
        if self.texts == "none":
            return {}
        if self.texts == "hash":
            return {"text_sha256": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()}
        return {"text": text[:MOST_CHARACTERS], "text_cut": len(text) > MOST_CHARACTERS}
