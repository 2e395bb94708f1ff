"""What a job may cost is said before anything is submitted, and on the page of the workflow's job."""

from pathlib import Path

import pytest

from slipway.__main__ import main
from slipway.rehearsal.aws.account import EmulatedAws


def test_a_job_is_estimated_and_not_submitted(
    account: EmulatedAws, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert main(["estimate", "compute.instance_count=2"]) == 0
    told = page.read_text(encoding="utf-8")
    assert "- 2 x ml.g4dn.xlarge, spot, 4.0 h at most: $1.47 an hour on demand, $5.89 at most\n" in told
    assert "- 2 x ml.g5.xlarge" in told
    assert account.sent("sagemaker", "CreateTrainingJob") == []


@pytest.mark.usefixtures("checkout")
def test_a_job_that_runs_costs_nothing_more(account: EmulatedAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit"]) == 0
    assert main(["estimate"]) == 0
    assert "nothing more is paid for it" in capsys.readouterr().out
    assert len(account.sent("sagemaker", "CreateTrainingJob")) == 1


@pytest.mark.usefixtures("checkout")
def test_a_ceiling_that_lets_nothing_run_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "compute.max_cost_usd=0.0001"]) == 2
    assert "compute.max_cost_usd" in capsys.readouterr().err


@pytest.mark.usefixtures("checkout")
def test_this_machine_costs_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SLIPWAY_COMPUTE", "local")
    assert main(["estimate"]) == 0
    assert "costs nothing" in capsys.readouterr().out
