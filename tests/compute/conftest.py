"""What the tests of every place to train have in common."""

import pytest


@pytest.fixture(autouse=True)
def _unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job runs is measured by tests/training; to measure it here too would take a fifth more of its time."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
