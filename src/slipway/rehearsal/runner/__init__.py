"""GitHub's workflow runner on this machine."""

from slipway.rehearsal.runner.outside import Event
from slipway.rehearsal.runner.runner import Runner

__all__ = ["Event", "Runner"]
