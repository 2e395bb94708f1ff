"""What stands for each action here: the name without its version decides."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.errors import UserError

if TYPE_CHECKING:
    from slipway.rehearsal.runner.actions.use import Use


@dataclass(frozen=True)
class Action:
    """`inputs` are those that `run` knows; None where the repository's own action says."""

    run: Callable[["Use"], None]
    inputs: frozenset[str] | None


def equivalent(uses: str, where: str = "") -> Action:
    """What stands for `owner/name@version` or `./path`. Raises UserError where nothing does."""
    from slipway.rehearsal.runner.actions.table import TABLE

    name = uses.split("@", 1)[0].removesuffix("/")
    if name not in TABLE:
        raise UserError(
            f"{where or 'a step'} uses {uses}, which has no local equivalent: {', '.join(sorted(TABLE))} have"
        )
    return TABLE[name]
