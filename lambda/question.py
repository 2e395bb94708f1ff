"""The body of a request to /predict, read strictly: what is wrong is said with its place in the body."""

import json
from dataclasses import dataclass
from typing import Any

from predictor import well_formed
from problem import Problem

KEYS = ("texts", "top_k")
LONG = 1000  # digits: Python reads no whole number of some thousands
MOST_NAMED = 8192  # classes in one answer: a load balancer hands on no more than 1 MB, Lambda 6
# as str.isspace has it; languages differ over what \s is, so the OpenAPI document spells it out
BLANK = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
)


@dataclass(frozen=True)
class Question:
    """Texts to classify, and how many classes each answer names."""

    texts: list[str]
    top_k: int


def read(body: bytes, limits: dict[str, int], classes: int) -> Question:
    """The question in a body of JSON, of whatever size. Raises Problem: 400 no JSON, 422 not what is asked for."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Problem(400, f"the body is not JSON: {why}") from error
    return check(value, limits, classes)


def check(value: Any, limits: dict[str, int], classes: int) -> Question:
    """The question in a value that JSON was read into. Raises Problem 422, which names every fault."""
    if not isinstance(value, dict):
        raise Problem(422, "the body must be an object", [("", "not an object")])
    faults = [(f"/{escaped(key)}", f"unknown; known are {' and '.join(KEYS)}") for key in value if key not in KEYS]
    texts, top_k = value.get("texts"), value.get("top_k", 1)
    if "texts" not in value:
        faults.append(("/texts", "missing"))
    elif not isinstance(texts, list):
        faults.append(("/texts", "not a list"))
    elif not 1 <= len(texts) <= limits["texts"]:
        faults.append(("/texts", f"{len(texts)} texts; 1 to {limits['texts']} are answered at once"))
    else:
        faults += [(f"/texts/{place}", what) for place, text in enumerate(texts) if (what := wrong_with(text, limits))]
    if isinstance(top_k, float) and top_k.is_integer():  # JSON has one kind of number
        top_k = int(top_k)
    if isinstance(top_k, bool) or not isinstance(top_k, int) or not 1 <= top_k <= classes:
        faults.append(("/top_k", f"not a whole number from 1 to {classes}"))
    elif isinstance(texts, list) and len(texts) * top_k > MOST_NAMED:
        faults.append(("/top_k", f"{top_k} classes for {len(texts)} texts; an answer names {MOST_NAMED} at most"))
    if faults:
        where, what = faults[0]
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise Problem(422, f"{where.lstrip('/') or 'the body'}: {what}{more}", faults)
    assert isinstance(texts, list)
    return Question(texts, top_k)


def wrong_with(text: Any, limits: dict[str, int]) -> str:
    """Why a text is not answered; empty where it is."""
    if not isinstance(text, str):
        return "not a string"
    if len(text) > limits["characters"]:
        return f"{len(text)} characters; {limits['characters']} are read at most"
    return "" if text.strip(BLANK) else "blank"


def of_invocation(value: Any, limits: dict[str, int], classes: int) -> Question:
    """As `check`, for what came with no body. Raises Problem 413, too, where its texts would make one too large."""
    asked = check(value, limits, classes)
    if sum(len(text.encode("utf-8", "surrogatepass")) for text in asked.texts) > limits["body_bytes"]:
        raise too_large(limits)
    return asked


def too_large(limits: dict[str, int]) -> Problem:
    """The answer to a body above the limit."""
    return Problem(413, f"the body is larger than {limits['body_bytes']} bytes")


def escaped(key: str) -> str:
    """A key as a step of a JSON pointer, cut where it is long: https://www.rfc-editor.org/rfc/rfc6901."""
    return well_formed(key)[:100].replace("~", "~0").replace("/", "~1")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < LONG else float(digits)


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")
