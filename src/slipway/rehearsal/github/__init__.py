"""GitHub on this machine, for `gh`, for git and for what asks its API."""

from slipway.rehearsal.github.call import RefusedError
from slipway.rehearsal.github.event import Event
from slipway.rehearsal.github.hub import GitHub
from slipway.rehearsal.github.person import Person
from slipway.rehearsal.github.settings import CUSTOM

__all__ = ["CUSTOM", "Event", "GitHub", "Person", "RefusedError"]
