"""GitHub's filter patterns for branches, tags and paths.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

import re
from collections.abc import Iterable
from functools import cache


def chosen(name: str, patterns: Iterable[str]) -> bool:
    """Whether patterns choose a name: each in turn, a later one that begins with `!` takes out what one before took."""
    taken = False
    for pattern in patterns:
        out = pattern.startswith("!")
        if _compiled(pattern.removeprefix("!")).fullmatch(name):
            taken = not out
    return taken


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` is any text without `/`, `**` any text, `?` and `+` repeat the character before, `[]` is one of some."""
    parts, at = [], 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            parts.append("(?:.*/)?")
            at += 3
        elif pattern.startswith("**", at):
            parts.append(".*")
            at += 2
        elif pattern[at] == "*":
            parts.append("[^/]*")
            at += 1
        elif pattern[at] in "?+" and parts:
            parts.append(pattern[at])
            at += 1
        elif pattern[at] == "[" and "]" in pattern[at:]:
            end = pattern.index("]", at)
            parts.append(pattern[at : end + 1])
            at = end + 1
        elif pattern[at] == "\\" and at + 1 < len(pattern):
            parts.append(re.escape(pattern[at + 1]))
            at += 2
        else:
            parts.append(re.escape(pattern[at]))
            at += 1
    return re.compile("".join(parts), re.DOTALL)
