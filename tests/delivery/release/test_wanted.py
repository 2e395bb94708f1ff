"""What a commit asks for is what its dvc.lock and its gate.json say together."""

from pathlib import Path

import pytest

from slipway.delivery.image.tag import tag_of
from slipway.delivery.release.wanted import needed, wanted
from slipway.errors import UserError

from .conftest import BUNDLE, DIGEST, OTHER, Write


def test_a_bundle_is_asked_for_by_its_digest_and_the_tag_of_its_image(gate: Write) -> None:
    gate()
    found = needed()
    assert (found.bundle, found.tag, found.verdict) == (DIGEST, tag_of(DIGEST), "promote")


@pytest.mark.usefixtures("gate")
def test_nothing_is_asked_for_before_the_first_training() -> None:
    assert wanted() is None
    with pytest.raises(UserError, match="no model was trained yet"):
        needed()


def test_a_gate_that_keeps_another_champion_says_so(gate: Write) -> None:
    gate(verdict="keep", champion=OTHER)
    assert needed().verdict == "keep"


def test_a_gate_that_keeps_this_very_bundle_promotes_it(gate: Write) -> None:
    gate(verdict="keep", champion=BUNDLE)
    assert needed().verdict == "promote"


def test_what_is_blocked_is_not_needed(gate: Write) -> None:
    gate(verdict="block", champion=BUNDLE)
    with pytest.raises(UserError, match=r"reports/gate\.json says block"):
        needed()


def test_a_gate_that_the_lock_does_not_name_is_refused(gate: Write) -> None:
    gate()
    path = Path("reports/gate.json")
    path.write_text(path.read_text().replace("promote", "promote "), encoding="utf-8")
    with pytest.raises(UserError, match=r"is not the one that dvc\.lock names"):
        wanted()


@pytest.mark.parametrize("told", [{"bundle": None}, {"bundle": "../x"}, {"verdict": 1}])
def test_a_gate_that_names_no_bundle_is_refused(told: dict[str, object], gate: Write) -> None:
    gate(**told)
    with pytest.raises(UserError, match="names no bundle"):
        wanted()
