"""checkov finds nothing in terraform/ that is not skipped beside it, for a reason."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.rehearsal.aws.account import ROOT
from slipway.rehearsal.terraform import copy_files

pytestmark = pytest.mark.slow
# all that can be made is made
VALUES = f"""
project       = "slipway"
region        = "us-east-1"
environment   = "production"
public        = true
github_events = "acme/texts"
alert_emails  = ["someone@example.com"]
image_digest  = "sha256:{"0" * 64}"
"""
SKIP = re.compile(r"^ *#checkov:skip=(\w+)(?::(.*))?\n", re.MULTILINE)
BLOCK = re.compile(r'^(?:resource|data) "(\w+)" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
# file, resource, and what is found there
Finding = tuple[str, str, str]


def findings(checks: list[dict[str, Any]]) -> set[Finding]:
    """What checkov tells, without the modules and the numbers of resources."""
    resources = [re.sub(r"\[.*?\]", "", each["resource"]).split(".")[-2:] for each in checks]
    return {(each["file_path"], ".".join(name), each["check_id"]) for each, name in zip(checks, resources, strict=True)}


def skips() -> Iterator[tuple[Finding, str]]:
    """Each skip in terraform/, with its reason."""
    for path in sorted((ROOT / "terraform").rglob("*.tf")):
        for kind, name, body in BLOCK.findall(path.read_text(encoding="utf-8")):
            for check, reason in SKIP.findall(body):
                yield (f"/{path.relative_to(ROOT / 'terraform')}", f"{kind}.{name}", check), reason


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of terraform/ with values for all of it."""
    folder = copy_files(tmp_path_factory.mktemp("files") / "terraform")
    (folder / "all.tfvars").write_text(VALUES, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def told(scan: Any, files: Path) -> dict[str, Any]:
    """What checkov says of terraform/ as it is."""
    return scan(files, "terraform", "--var-file", str(files / "all.tfvars"))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def bare(scan: Any, files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What it says where nothing is skipped."""
    folder = copy_files(tmp_path_factory.mktemp("bare") / "terraform")
    for path in folder.rglob("*.tf"):
        path.write_text(SKIP.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")
    return scan(folder, "terraform", "--var-file", str(files / "all.tfvars"))  # type: ignore[no-any-return]


def test_it_reads_every_file_and_finds_nothing(told: dict[str, Any]) -> None:
    assert told["parsing_errors"] == [], "checkov's parser is older than Terraform's: write it more plainly"
    assert told["resource_count"] > 100
    assert findings(told["failed_checks"]) == set()


def test_each_skip_is_needed_and_nothing_else_is_found_without_them(told: dict[str, Any], bare: dict[str, Any]) -> None:
    wanted = {finding for finding, _ in skips()}
    assert len(wanted) > 10
    assert findings(bare["failed_checks"]) == wanted == findings(told["skipped_checks"])


def test_each_skip_says_why_in_its_resource() -> None:
    reasons = [reason for _, reason in skips()]
    assert [reason for reason in reasons if len(reason.split()) < 5] == []
    assert len(reasons) == "".join(path.read_text() for path in (ROOT / "terraform").rglob("*.tf")).count("checkov:")


def test_a_bucket_without_its_guards_is_found(scan: Any, tmp_path: Path) -> None:
    folder = copy_files(tmp_path / "terraform") / "modules" / "bucket"
    file = folder / "main.tf"
    gone = re.sub(r'^resource "aws_s3_bucket_public_access_block".*?^\}\n', "", file.read_text(), flags=re.M | re.S)
    file.write_text(gone.replace("  depends_on = [aws_s3_bucket_public_access_block.this]\n", ""))
    assert {check for _, _, check in findings(scan(folder, "terraform")["failed_checks"])} == {"CKV2_AWS_6"}
