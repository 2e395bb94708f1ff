"""When two texts are the same text."""

import hashlib
import unicodedata


def normalised(text: str) -> str:
    """`text` without what makes no difference to a reader: Unicode forms (NFKC), case and runs of blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def fingerprint(text: str) -> str:
    """Hex SHA-256 of the normalised text: its identity for duplicates, leaks and the split."""
    return hashlib.sha256(normalised(text).encode("utf-8", "surrogatepass")).hexdigest()
