"""`slipway take-update FOLDER`: what is new in the template, as a patch."""

from pathlib import Path

from slipway.delivery.github.job import summary
from slipway.delivery.update.patch import CRUFT, linked, take
from slipway.errors import UserError


def run(words: list[str]) -> None:
    """Write the patch and its facts into a folder that is made; write nothing where the template has not moved."""
    if len(words) != 1:
        raise UserError("slipway take-update takes one folder, which it makes.")
    if linked() is None:
        summary(f"There is no `{CRUFT}`: this project knows no template (docs/update.md).")
        return
    update = take(Path(words[0]))
    if update is None:
        summary("Nothing is new in the template.")
    else:
        summary(f"The template went from {update.before[:12]} to {update.after[:12]}.")
