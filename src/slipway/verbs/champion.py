"""`slipway champion [REVISION]`: shows the champion, or takes it from a git revision's dvc.lock."""

from collections.abc import Sequence

from slipway.errors import UserError
from slipway.evaluation.champion import CHAMPION, champion_of, read_champion, write_champion


def run(words: Sequence[str] = ()) -> None:
    """Show what champion.json names; with a revision, write it first. Raises UserError for more than one."""
    if len(words) > 1:
        raise UserError(
            "slipway champion takes one git revision, e.g. `slipway champion origin/main`.",
        )
    for revision in words:
        commit, digest = champion_of(revision)
        write_champion(digest)
        print(f"{CHAMPION} is now what {revision} ({commit[:12]}) made.")
    digest = read_champion()
    print(
        f"The champion is the bundle {digest}." if digest else "There is no champion: no dvc.lock names a bundle yet."
    )
