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


def test_another_label_takes_the_place_of_no_training(workflows: Any, language: Language) -> None:
    """Whether a job that is skipped comes into its group, GitHub does not say."""
    jobs = language.parse("train.yml", workflows.texts["train.yml"])["jobs"]

    def group(job: str, event: dict[str, Any], **needs: dict[str, str]) -> str:
        inputs = event.get("inputs", {})
        contexts = {
            "github": {"event": event},
            "inputs": inputs,
            "needs": {name: {"outputs": each} for name, each in needs.items()},
        }
        return str(language.evaluate(jobs[job]["concurrency"]["group"], contexts))

    def numbered(action: str, label: str | None = None) -> dict[str, Any]:
        return {"action": action, "pull_request": {"number": 7}} | ({"label": {"name": label}} if label else {})

    asked = [numbered("labeled", "train"), numbered("synchronize"), {"inputs": {"pull_request": "7"}}]
    assert {group("permit", each, order={}) for each in asked} == {"train-permit-7"}
    assert group("permit", {"inputs": {}}, order={"number": "7"}) == "train-permit-7"
    submitted = group("submit", numbered("labeled", "train"), permit={"number": "7"})
    ended = [numbered("closed"), numbered("unlabeled", "train")]
    assert {group("stop", each) for each in ended} == {submitted} == {"train-7"}
    for action in ("labeled", "unlabeled"):
        other = numbered(action, "later")
        assert not {group("permit", other, order={}), group("stop", other)} & {"train-permit-7", "train-7"}
