"""What lets a pull request train, as GitHub reads the condition of train.yml's `permit`."""

from typing import Any

import pytest

from slipway.rehearsal.runner.language import Language

BOT = "github-actions[bot]"
STATUS = {"success": True, "failure": False, "cancelled": False}


def about(action: str, label: str = "train", of: str = "acme/texts") -> dict[str, Any]:
    """The event of a pull request with that label."""
    pull = {"head": {"repo": {"full_name": of}}, "labels": [{"name": label}]}
    return {"action": action, "label": {"name": label}, "pull_request": pull}


@pytest.mark.parametrize(
    ("event", "actor", "asks"),
    [
        (about("labeled"), "mona", True),
        (about("synchronize"), "mona", True),
        (about("reopened"), "mona", True),
        # a report's own commit, whose run somebody approved
        (about("synchronize"), BOT, False),
        (about("synchronize", label="later"), "mona", False),
        (about("labeled", label="later"), "mona", False),
        (about("synchronize", of="mallory/texts"), "mona", False),
        (about("closed"), "mona", False),
        # the sweep asks for what somebody has labelled
        ({"inputs": {"pull_request": 12}}, BOT, True),
        ({"inputs": {"pull_request": 12}}, "mona", True),
        ({"inputs": {}}, "mona", False),
    ],
)
def test_people_and_sweeps_ask_for_a_training(
    event: dict[str, Any], actor: str, asks: bool, workflows: Any, language: Language
) -> None:
    name = "pull_request" if "pull_request" in event else "workflow_dispatch"
    github = {"event": event, "event_name": name, "actor": actor, "repository": "acme/texts"}
    contexts = {"github": github, "inputs": event.get("inputs", {}), "needs": {"order": {"result": "skipped"}}}
    condition = language.parse("train.yml", workflows.texts["train.yml"])["jobs"]["permit"]["if"]
    assert language.holds(condition, contexts, STATUS) == asks
