"""`slipway take-update FOLDER`: what is new in the template, as a patch."""

from pathlib import Path

from slipway.delivery.github.job import output, summary
from slipway.delivery.update.patch import take
from slipway.errors import UserError


def run(words: list[str]) -> None:
    """Write the patch and its facts into a folder that is made, and output whether there is anything: `found`."""
    if len(words) != 1:
        raise UserError("slipway take-update takes one folder, which it makes.")
    update = take(Path(words[0]))
    output("found", str(update is not None).lower())
    if update is None:
        summary("Nothing is new in the template.")
    else:
        summary(f"The template went from {update.before[:12]} to {update.after[:12]}.")
