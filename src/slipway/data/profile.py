"""What a data set is like, in figures that can be held against those of an earlier day."""

import re
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from slipway.config.data import Drift
from slipway.data.quote import listed, quoted
from slipway.data.words import FUNCTION_WORDS, NEGATIONS, NEGATIVE, POSITIVE, SCRIPTS
from slipway.errors import UserError

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
KEPT_WORDS = 2000  # the vocabulary that a profile remembers
LENGTHS = (0, 5, 10, 20, 40, 80, 160, 320)  # words a text: each bucket ends with its number, the last is open
WORD_LENGTHS = (0, 3, 6, 9, 12)  # letters a word
NOTEWORTHY = 0.005  # a smaller change of a share is not worth a word
READ = 2000  # characters of a text that language and sentiment are judged by


@dataclass(frozen=True)
class Profile:
    """Shares are of rows, but `word_length` and `unknown`, which are of words; `vocabulary` is the commonest words."""

    rows: int
    distinct_words: int
    words_per_text: dict[str, float]
    unknown: float
    classes: dict[str, float]
    length: dict[str, float]
    word_length: dict[str, float]
    language: dict[str, float]
    sentiment: dict[str, float]
    vocabulary: tuple[str, ...]


@dataclass(frozen=True)
class Drifted:
    """One figure that is farther from the baseline than is allowed; `change` and `allowed` are shares."""

    what: str
    change: float
    allowed: float
    detail: str

    def __str__(self) -> str:
        return f"{self.what}: {self.change:.1%} differ from the baseline, {self.allowed:.1%} are allowed; {self.detail}"


def measure(table: pd.DataFrame) -> tuple[Profile, Counter[str]]:
    """The profile of rows (columns text, label), and how often each word stands in them."""
    counts: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    moods: Counter[str] = Counter()
    lengths = np.empty(len(table), np.int64)
    for row, text in enumerate(table["text"]):
        words = WORD.findall(text.lower())
        lengths[row] = len(words)
        counts.update(words)
        spoken = language(text[:READ], words[:READ])
        languages[spoken] += 1
        # the lists are English: a German "die" is no bad news
        moods[sentiment(words[:READ]) if spoken == "English" else "unclear"] += 1
    vocabulary = [word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:KEPT_WORDS]]
    letters = np.array([len(word) for word in counts], np.int64)
    times = np.array(list(counts.values()), np.int64)
    profile = Profile(
        rows=len(table),
        distinct_words=len(counts),
        words_per_text={
            "mean": _round(lengths.mean()),
            **{f"p{q}": _round(np.percentile(lengths, q)) for q in (5, 50, 95)},
            "longest": _round(lengths.max()),
        },
        unknown=unknown_share(counts, vocabulary),
        classes=_shares(Counter(table["label"])),
        length=_histogram(lengths, np.ones_like(lengths), LENGTHS),
        word_length=_histogram(letters, times, WORD_LENGTHS),
        language=_shares(languages),
        sentiment=_shares(moods),
        vocabulary=tuple(vocabulary),
    )
    return profile, counts


def compare(profile: Profile, counts: Counter[str], baseline: Profile, allowed: Drift) -> list[Drifted]:
    """Where `profile` has moved from `baseline` by more than is allowed, the farthest first.

    Distributions are compared by their total variation: the share of rows (or words) that would have to change place.
    """
    found = []
    for name in ("classes", "length", "word_length", "language", "sentiment"):
        now, then = getattr(profile, name), getattr(baseline, name)
        moves = {key: now.get(key, 0.0) - then.get(key, 0.0) for key in sorted({*now, *then})}
        change = sum(map(abs, moves.values())) / 2
        if change > allowed.shares:
            largest = sorted(moves, key=lambda key: -abs(moves[key]))[:3]
            detail = ", ".join(
                f"{key} {then.get(key, 0.0):.1%} to {now.get(key, 0.0):.1%}"
                for key in largest
                if abs(moves[key]) >= NOTEWORTHY
            )
            found.append(Drifted(name.replace("_", " "), change, allowed.shares, detail))
    change = unknown_share(counts, baseline.vocabulary) - baseline.unknown
    if change > allowed.unknown:
        known = set(baseline.vocabulary)
        fresh = [quoted(word) for word, _ in counts.most_common(KEPT_WORDS) if word not in known][:5]
        found.append(Drifted("unknown words", change, allowed.unknown, f"new and common: {listed(fresh)}"))
    return sorted(found, key=lambda drifted: -drifted.change)


def unknown_share(counts: Counter[str], vocabulary: "list[str] | tuple[str, ...]") -> float:
    """The share of all words that a vocabulary does not hold."""
    total = counts.total()
    return _round(1 - sum(counts[word] for word in vocabulary) / total) if total else 0.0


def language(text: str, words: list[str]) -> str:
    """A guess at the language: by script, then by function words; "unclear" where nothing speaks for one."""
    if not text.isascii():
        scripts = Counter(script for c in text if ord(c) >= 0x370 and (script := _script(ord(c))) is not None)
        letters = sum(map(str.isalpha, text))
        if scripts and scripts.total() * 2 > letters:
            # Japanese is written with Chinese characters too
            return "Japanese" if scripts["Japanese"] else min(scripts, key=lambda name: (-scripts[name], name))
    votes: Counter[str] = Counter()
    owners = _owners()
    for word in words:
        votes.update(owners.get(word, ()))
    if not votes:
        return "unclear"
    (first, most), *rest = sorted(votes.items(), key=lambda pair: (-pair[1], pair[0]))
    return "unclear" if rest and rest[0][1] == most else first


def sentiment(words: list[str]) -> str:
    """A guess at the mood, by counting loaded English words; "not" and the like turn the next two words around."""
    score = 0
    negated = 0
    for word in words:
        if word in NEGATIONS:
            negated = 3
        elif word in POSITIVE or word in NEGATIVE:
            score += (1 if word in POSITIVE else -1) * (-1 if negated else 1)
        negated = max(0, negated - 1)
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"


def to_json(profile: Profile) -> dict[str, Any]:
    """The profile as a JSON value."""
    return asdict(profile)


def load(path: Path) -> Profile | None:
    """A profile from its file, or None where there is none. Raises UserError where the file is not a profile."""
    if not path.is_file():
        return None
    try:
        return TypeAdapter(Profile).validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{key}: " for key in first["loc"])
        raise UserError(
            f"{path}: not a data profile ({place}{first['msg']}). Restore it from git, or delete it and run "
            "`slipway validate` and `slipway accept-profile`."
        ) from error


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = counts.total()
    return {key: _round(counts[key] / total) for key in sorted(counts)}


def _histogram(values: Any, weights: Any, edges: tuple[int, ...]) -> dict[str, float]:
    """Shares in the buckets (edge, next edge], the last one open; 0 belongs to the first."""
    bins = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 1)
    sums = np.bincount(bins, weights=weights, minlength=len(edges))
    names = [f"{low + 1}-{high}" for low, high in pairwise(edges)] + [f"{edges[-1] + 1}+"]
    total = max(sums.sum(), 1)
    return {name: _round(value / total) for name, value in zip(names, sums, strict=True)}


@cache
def _owners() -> dict[str, tuple[str, ...]]:
    owners: dict[str, tuple[str, ...]] = {}
    for name, words in FUNCTION_WORDS.items():
        for word in words:
            owners[word] = (*owners.get(word, ()), name)
    return owners


@cache
def _script(code: int) -> str | None:
    return next((name for name, ranges in SCRIPTS.items() if any(low <= code < high for low, high in ranges)), None)


def _round(value: Any) -> float:
    return round(float(value), 6)
