"""What the docs name is there: files, sections, tasks."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.__main__ import VERBS
from slipway.rehearsal.story.scenarios import SCENARIOS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "terraform").rglob("README.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```", re.DOTALL)
WORDS = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TASK = re.compile(r"\bmake ([a-z][a-z-]+)")
VERB = re.compile(r"\bslipway ([a-z][a-z-]+)")
SCENARIO = re.compile(r"\bSCENARIO=([a-z][a-z-]+)")
VARIABLE = re.compile(r"\b((?:AWS_ROLE|SLIPWAY)_[A-Z_]*[A-Z])\b")
WORKFLOW = re.compile(r"[a-z-]+\.yml")
DISPATCH = re.compile(r"gh workflow run ([a-z-]+\.yml)((?: -f [a-z_]+=(?:'[^']*'|\S+)| --ref \S+)*)")
INPUT = re.compile(r"-f ([a-z_]+)=")
WORKFLOWS = ROOT / ".github" / "workflows"
SPAN = re.compile(r"``(.+?)``|`([^`\n]+)`")
# in a message: what is left out, and what is another each time, as names, files, numbers, and what may follow a colon
STANDS_FOR = re.compile(
    r"\.\.\.|\([^)]*\)|'[^']*' may|\S*[/#\d]\S*|\S+\.(?:json|yaml|lock)|PROJECT-\w+|\b[A-Z][A-Z_]*\b"
    r"|train:|live;|package,|version(?= N)"
)
FOLDERS = (r"\.github", "benchmarks", "conf", "docker", "docs", "lambda", "src", "terraform", "tests")
PLACE = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*\w/?|\w[\w.-]*\.(?:md|lock|toml)")
# what a reader of docs/adapt.md makes, what the first training brings, and a folder that is each machine's own
YOURS = {
    "conf/data/tickets.yaml",
    "conf/model/mine.yaml",
    "src/slipway/models/mine.py",
    "dvc.lock",
    "conf/local",
}


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_verb_that_is_named_is_one(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    told = {verb for code in [*CODE.findall(text), *names(page)] for verb in VERB.findall(code)}
    assert {verb.replace("-", "_") for verb in told} <= set(VERBS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_workflow_that_is_named_is_there(page: Path) -> None:
    named = {each for each in names(page) if WORKFLOW.fullmatch(each)}
    assert named <= {path.name for path in WORKFLOWS.iterdir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_workflow_that_is_run_by_hand_takes_these_inputs(page: Path) -> None:
    for name, words in DISPATCH.findall(page.read_text(encoding="utf-8")):
        told = triggers(name)["workflow_dispatch"] or {}
        assert set(INPUT.findall(words)) <= set(told.get("inputs", {})), (name, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_variable_that_is_named_is_read_somewhere(page: Path) -> None:
    named = set(VARIABLE.findall(page.read_text(encoding="utf-8")))
    assert named <= variables()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_scenario_that_is_named_is_one(page: Path) -> None:
    assert set(SCENARIO.findall(page.read_text(encoding="utf-8"))) <= set(SCENARIOS)


def test_messages_that_are_quoted_are_those_of_the_code() -> None:
    rows = [line for line in (ROOT / "docs" / "operate.md").read_text(encoding="utf-8").splitlines() if "|" in line]
    spans = [one or two for row in rows for one, two in SPAN.findall(row.split(" | ")[0])]
    quoted = [span for span in spans if " " in span]
    assert len(quoted) > 40
    missing = {piece: each for each in quoted for piece in pieces(each) if piece not in said()}
    assert missing == {}


def test_the_table_of_rights_is_that_of_the_workflows() -> None:
    table = section("Whose code runs with which rights")
    told = {(name, job): row for row in table for name, job in jobs_of(row[0])}
    assert {name for name, _ in told} == {path.name for path in WORKFLOWS.iterdir()}
    for (name, job), (_, _, role, rights) in told.items():
        body = jobs(name)[job]
        taken = re.findall(r"AWS_ROLE_([A-Z_]+)", str(body["steps"]))
        assert {each.lower().replace("_", "-") for each in taken} <= set(WORDS.findall(role)), (name, job)
        assert bool(taken) == (role != "none"), (name, job)
        written = {key for key, value in body["permissions"].items() if value == "write"} - {"id-token"}
        assert all(key.split("-")[0] in rights for key in written - {"security-events"}), (name, job)
        assert written or rights.startswith("nothing") or name == "security.yml", (name, job)
    # what says nothing to AWS and writes nothing may be left out
    for name in {name for name, _ in told}:
        for job, body in jobs(name).items():
            assert (name, job) in told or not body["permissions"], (name, job)


def test_what_protects_is_named_with_the_file_that_does() -> None:
    attackers = section("Who may attack, and what stops them")
    assert len(attackers) >= 10
    for who, stops, shown, not_stopped in attackers:
        assert stops, who
        assert not_stopped, who
        assert WORDS.findall(shown), who
        assert all((ROOT / name).is_file() for name in WORDS.findall(shown)), who


def section(heading: str) -> list[list[str]]:
    """The rows of the table in a section of SECURITY.md."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows[2:]]


def jobs_of(cell: str) -> list[tuple[str, str]]:
    """The workflow and the jobs that a cell names: `ci.yml`, all."""
    file, *named = WORDS.findall(cell)
    return [(file, job) for job in named or jobs(file)]


def jobs(name: str) -> dict[str, Any]:
    """The jobs of a workflow."""
    return dict(yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))["jobs"])


def triggers(name: str) -> dict[str, Any]:
    """What starts a workflow; YAML takes `on` for a truth."""
    return dict(yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))[True])


@cache
def variables() -> set[str]:
    """What code, configuration, workflows and Makefile read of the environment, and what bootstrap sets on GitHub."""
    files = [path for folder in FOLDERS[2:] for path in (ROOT / folder).rglob("*.*") if path.suffix in (".py", ".yaml")]
    files += [ROOT / "Makefile", *WORKFLOWS.iterdir(), *(ROOT / "terraform" / "bootstrap").glob("*.tf")]
    return {each for path in files for each in VARIABLE.findall(path.read_text(encoding="utf-8"))}


@cache
def said() -> str:
    """All that the code says, without what it puts into its words, and what the workflows do."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "src").rglob("*.py")]
    words = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    words += [path.read_text(encoding="utf-8") for path in WORKFLOWS.iterdir()]
    return "\n".join(" ".join(each.split()) for each in words if isinstance(each, str))


def pieces(message: str) -> list[str]:
    """What of a quoted message is the same each time, where it is of three words and more."""
    parts = [part.strip(" .,:;'`()") for part in STANDS_FOR.split(message)]
    return [part for part in parts if len(part.split()) > 2]
