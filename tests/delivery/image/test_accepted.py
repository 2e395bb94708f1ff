"""A critical finding passes only by name, with a reason, until a day."""

from datetime import date
from pathlib import Path

import pytest

from slipway.delivery.image.accepted import ACCEPTED, Accepted, check_findings, read_accepted
from slipway.delivery.image.registry import Finding, findings
from slipway.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
FOUND = [Finding("CVE-2026-1", "zlib"), Finding("CVE-2026-2", "")]


def test_what_nobody_accepted_is_named_with_its_package() -> None:
    said = r"slipway-serve:1: the scan calls critical: CVE-2026-1 \(zlib\), CVE-2026-2\."
    with pytest.raises(UserError, match=said):
        check_findings(FOUND, [], "slipway-serve:1")


def test_what_is_accepted_passes_until_its_day() -> None:
    later, past = date(2999, 1, 1), date(2020, 1, 1)
    check_findings(FOUND, [Accepted(name=each.name, reason="unused", until=later) for each in FOUND], "image")
    days = zip(FOUND, (later, past), strict=True)
    accepted = [Accepted(name=each.name, reason="unused", until=until) for each, until in days]
    with pytest.raises(UserError, match="CVE-2026-2"):
        check_findings(FOUND, accepted, "image")


def test_the_file_of_the_project_is_read() -> None:
    accepted = read_accepted(ROOT / ACCEPTED)
    assert len(accepted) == (ROOT / ACCEPTED).read_text(encoding="utf-8").count("\n- ")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- {name: CVE-1, until: 2999-01-01}", "0.reason"),
        ("- {name: CVE-1, reason: '', until: 2999-01-01}", "0.reason"),
        ("- {name: CVE-1, reason: x, until: soon}", "0.until"),
        ("- {name: CVE-1, reason: x, until: 2999-01-01, who: me}", "0.who"),
        ("name: CVE-1", "list"),
        ("- [", "YAML"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "accepted.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=what):
        read_accepted(tmp_path / "accepted.yaml")


def test_critical_is_found_in_the_answers_of_both_kinds_of_scan() -> None:
    basic = {"name": "CVE-1", "severity": "CRITICAL", "attributes": [{"key": "package_name", "value": "zlib"}]}
    other = {"name": "CVE-2", "severity": "HIGH"}
    details = {"vulnerabilityId": "CVE-3", "vulnerablePackages": [{"name": "urllib3"}]}
    enhanced = {"severity": "CRITICAL", "title": "t", "packageVulnerabilityDetails": details}
    page = {"findings": [basic, other], "enhancedFindings": [enhanced]}
    assert findings(page) == [Finding("CVE-1", "zlib"), Finding("CVE-3", "urllib3")]
