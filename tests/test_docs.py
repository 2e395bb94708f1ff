"""What the docs name is there: files, sections, tasks."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "terraform").rglob("README.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```", re.DOTALL)
WORDS = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TASK = re.compile(r"\bmake ([a-z][a-z-]+)")
FOLDERS = ("benchmarks", "conf", "docker", "docs", "lambda", "src", "terraform", "tests")
PLACE = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*\w/?|\w[\w.-]*\.(?:md|lock|toml)")
# what a reader of docs/adapt.md makes, what the first training brings, and a folder that is each machine's own
YOURS = {"conf/data/tickets.yaml", "conf/model/mine.yaml", "src/slipway/models/mine.py", "dvc.lock", "conf/local"}


def names(page: Path) -> list[str]:
    """What stands between backticks, outside of blocks."""
    return WORDS.findall(CODE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The sections of a page, as GitHub names them."""
    headings = HEADING.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_there_are_pages() -> None:
    assert {"README.md", "SECURITY.md", "infrastructure.md"} <= {page.name for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_is_there(page: Path) -> None:
    named = [each for each in names(page) if PLACE.fullmatch(each) and each.rstrip("/") not in YOURS]
    # a page beside a file may leave out where it is; words in capitals stand for several
    there = [each for each in named if (ROOT / each).exists() or (page.parent / each).exists()]
    missing = [each for each in named if each not in there and not re.search(r"[A-Z]{4}", Path(each).stem)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_task_that_is_named_is_one(page: Path) -> None:
    tasks = set(re.findall(r"^([a-z][a-z -]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    known = {task for line in tasks for task in line.split()}
    text = page.read_text(encoding="utf-8")
    told = {task for code in [*CODE.findall(text), *names(page)] for task in TASK.findall(code)}
    assert told <= known


def test_what_protects_is_named_with_the_file_that_does() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines() if line.count("|") == 5]
    _, _, *attackers = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert len(attackers) >= 10
    for who, stops, shown, not_stopped in attackers:
        assert stops, who
        assert not_stopped, who
        assert WORDS.findall(shown), who
        assert all((ROOT / name).is_file() for name in WORDS.findall(shown)), who
