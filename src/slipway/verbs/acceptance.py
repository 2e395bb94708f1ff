"""`slipway acceptance ENV=staging`: plays the story against the real account and repository; by a person, once."""

import os
from contextlib import suppress

from slipway.delivery.acceptance.story import Acceptance, plan, prepare
from slipway.errors import UserError


def run(words: list[str]) -> int:
    """Returns 1 where something that was asserted does not hold, or could not be cleaned up."""
    if len(words) != 1 or not words[0].startswith("ENV="):
        raise UserError("slipway acceptance takes ENV=staging.")
    acceptance = prepare(words[0].removeprefix("ENV="))
    print(plan(acceptance))
    if not confirmed(acceptance):
        raise UserError("nothing was started.")
    return 0 if acceptance.play().passed else 1


def confirmed(acceptance: Acceptance) -> bool:
    """Whether someone typed the name of the environment, or gave it as `CONFIRM`."""
    told = os.environ.get("CONFIRM")
    if told is None:
        with suppress(EOFError):  # nobody is there to answer
            told = input(f"Type {acceptance.environment} to go on: ")
    return told == acceptance.environment
