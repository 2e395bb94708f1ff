"""How far what ships is from torch, in words; reading them needs no torch."""

from collections.abc import Mapping
from typing import Any


def parity_in_words(package: Mapping[str, Any]) -> str:
    """How far the logits of what ships are from torch's; `package` is the content of models/package.json."""
    parity = package["parity"]
    if package["precision"] == "float32":
        return f"{parity['max_abs_difference_shipped']:.1e} from torch at most, in logits"
    rounded = f"{parity['max_abs_difference_shipped']:.1e} from torch at most, in logits, by {package['precision']}"
    return f"{rounded} ({parity['max_abs_difference']:.1e} before)"
