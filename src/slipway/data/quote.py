"""How an error quotes what stands in the data, of any length and number, in the room of a terminal."""

from collections.abc import Sequence

SHOWN = 10
LONGEST = 60  # characters


def quoted(value: str) -> str:
    """`value` in quotes; of a long one its beginning, and how long it is."""
    return repr(value) if len(value) <= LONGEST else f"{value[:40]!r}… ({len(value):,} characters)"


def listed(words: Sequence[str]) -> str:
    """The first ten of `words`, and how many more there are."""
    more = f" and {len(words) - SHOWN:,} more" if len(words) > SHOWN else ""
    return ", ".join(words[:SHOWN]) + more
