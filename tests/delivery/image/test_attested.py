"""What is known of where an image comes from: a run that was cut off before it said so is made up for."""

from collections.abc import Callable

import pytest

from slipway.delivery.github.api import GitHub, GitHubError
from slipway.rehearsal.github import GitHub as Hub
from slipway.verbs.image import is_attested

DIGEST = f"sha256:{'a' * 64}"
BUNDLE = {"mediaType": "a", "verificationMaterial": {}, "dsseEnvelope": {}}


def test_an_image_is_attested_once_github_keeps_a_statement_about_it(hub: Hub, client: Callable[..., GitHub]) -> None:
    github = client(attestations="write")
    hub.attested(f"sha256:{'b' * 64}", BUNDLE)
    assert not is_attested(github, DIGEST)
    hub.attested(DIGEST, BUNDLE)
    assert is_attested(github, DIGEST)


def test_a_plan_without_attestations_keeps_no_release(client: Callable[..., GitHub]) -> None:
    assert not is_attested(client(contents="read"), DIGEST)


def test_an_answer_that_does_not_come_is_no_answer(hub: Hub, client: Callable[..., GitHub]) -> None:
    hub.pause()
    with pytest.raises(GitHubError):
        is_attested(client(attestations="read"), DIGEST)
