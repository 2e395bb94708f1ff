"""Who asks, and the repository itself."""

from typing import TYPE_CHECKING

from slipway.rehearsal.github import forms
from slipway.rehearsal.github.call import Answer, Call

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub


def get_user(github: "GitHub", call: Call) -> Answer:
    """The person whose token it is."""
    return Answer(200, forms.self_user(github, call.caller.login))


def get_repository(github: "GitHub", call: Call) -> Answer:
    """With what who asks may do in it."""
    return Answer(200, forms.full_repository(github, role=None if call.caller.is_job else call.caller.role))
