"""No `*` in an action that is granted, and none for all resources, without the reason beside it."""

import re
from collections.abc import Iterator

from slipway.rehearsal.aws.account import ROOT

ACTION = re.compile(r'"([a-z0-9-]+:\w*\*\w*)"')
EVERYTHING = re.compile(r'"\*"')
# what AWS itself advises: an account that keeps its key, and a denial that leaves nothing out
ADVISED = {("modules/bucket/main.tf", "s3:*"), ("bootstrap/key.tf", "kms:*")}
# a boundary takes them away
TAKEN = {
    ("bootstrap/boundary.tf", f"{service}:*")
    for service in ("account", "iam", "identitystore", "organizations", "sso", "sts")
}


def lines() -> Iterator[tuple[str, str, str]]:
    """File, line and what is said beside it: at its end, or in a comment right above."""
    for path in sorted((ROOT / "terraform").rglob("*.tf")):
        before = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            code, _, comment = line.partition(" # ")
            above = before.strip().removeprefix("#") if before.strip().startswith("# ") else ""
            yield path.relative_to(ROOT / "terraform").as_posix(), code, comment or above
            before = line


def test_an_action_has_a_wildcard_only_where_aws_advises_it_or_it_takes_away() -> None:
    found = {(file, action) for file, code, _ in lines() for action in ACTION.findall(code)}
    assert found == ADVISED | TAKEN


def test_wildcards_in_boundaries_stand_in_what_is_not_allowed() -> None:
    told = [code.strip() for _, code, _ in lines() if len(ACTION.findall(code)) > 1]
    assert len(told) == 1
    assert told[0].startswith("not_actions = [")


def test_every_wildcard_has_its_reason_beside_it() -> None:
    wild = [(file, code, why) for file, code, why in lines() if EVERYTHING.search(code) or ACTION.search(code)]
    assert len(wild) > 15
    assert [(file, code) for file, code, why in wild if len(why.split()) < 2] == []
