"""Markdown that GitHub shows as it is meant: whatever comes from a pull request's code is shown as code, never read.

In a code span GitHub looks for no mention, link, issue, HTML or formula (https://github.github.com/gfm/#code-spans).
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

# a bar would end a table's cell, even within code
BAR = str.maketrans("|", "\N{BROKEN BAR}")
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def visible(text: str) -> str:
    """One line without what is not seen: control, format and direction marks."""
    plain = "".join(" " if unicodedata.category(sign) in UNSEEN else sign for sign in text)
    return " ".join(plain.split())


def span(text: str, most: int = 80) -> str:
    """A code span of at most `most` characters of a text, wherever it stands, in a table too."""
    line = visible(text[: 4 * most]).translate(BAR)
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    ticks = "`" * (longest_run("`", line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line or '(empty)'}{pad}{ticks}"


def fenced(lines: Iterable[str], most: int = 300, language: str = "") -> str:
    """A block of code; each line is cut to `most` characters, and keeps how far it is set in."""
    shown = []
    for line in lines:
        told = visible(line)[:most]
        shown.append(" " * min(len(line) - len(line.lstrip(" ")), 20) + told if told else "")
    fence = "`" * max(3, longest_run("`", "\n".join(shown)) + 1)
    return "\n".join([f"{fence}{language}", *shown, fence])


def longest_run(sign: str, text: str) -> int:
    """How many of a sign stand one after another, at most."""
    return max((len(found) for found in re.findall(f"{re.escape(sign)}+", text)), default=0)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> str:
    """A table; the last `right` columns are of figures. Cells are Markdown of one line without bars."""
    lines = ["---"] * (len(head) - right) + ["---:"] * right
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, lines, *rows))


def details(title: str, body: str) -> str:
    """A part that is closed until someone opens it; `title` is plain words of ours."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"
