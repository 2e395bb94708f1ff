"""An edited project takes what is new in the template: its edits stay, and what both changed is told."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.template.conftest import Run, files, git

pytestmark = pytest.mark.slow
TOLD = json.dumps({"project_name": "News sorter", "github_owner": "acme", "licence": "MIT"})
CI = ".github/workflows/ci.yml"


@pytest.fixture
def project(run: Run, template: Path, tmp_path: Path) -> Path:
    """Made by cruft, and linked."""
    done = run("cruft", "create", "--no-input", "--default-config", "--extra-context", TOLD, template)
    assert done.returncode == 0, done.stderr
    assert "git add .cruft.json && git commit --amend --no-edit" in done.stdout
    folder = tmp_path / "news-sorter"
    git(folder, "add", ".cruft.json")
    git(folder, "commit", "--quiet", "--amend", "--no-edit")
    return folder


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "change")


def edited(folder: Path) -> dict[str, bytes]:
    """As a project would: own data, own model, a file less, a workflow changed, a title."""
    (folder / "data" / "local").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "local" / "tickets.csv").write_text("text,label\nhello,a\n", encoding="utf-8")
    (folder / "conf" / "data" / "tickets.yaml").write_text("defaults: [csv, _self_]\nname: tickets\n", encoding="utf-8")
    edit(folder, "params.yaml", "data: aws_docs", "data: tickets")
    (folder / "src" / "news_sorter" / "models" / "mine.py").write_text('"""Ours."""\n', encoding="utf-8")
    edit(folder, "src/news_sorter/models/store.py", "import", "import abc as _abc  # noqa: F401\nimport")
    edit(folder, CI, "jobs:\n", "jobs:\n  # ours\n")
    edit(folder, "README.md", "# News sorter\n", "# Our own sorter\n")
    shutil.rmtree(folder / "benchmarks")
    (folder / "docs" / "adapt.md").unlink()
    git(folder, "add", "--all", "--force", "data/local/tickets.csv")
    commit(folder)
    return files(folder)


def news(template: Path) -> None:
    """Beside the edits, in the same files and in others; in what was deleted; and on one line that was edited."""
    (template / "docs" / "new.md").write_text("# Slipway's news\n\n`slipway summary`\n", encoding="utf-8")
    edit(template, "src/slipway/errors.py", '"""', '"""What is new in slipway: ')
    with (template / CI).open("a", encoding="utf-8") as file:
        file.write("# the template's, of slipway\n")
    with (template / "src" / "slipway" / "models" / "store.py").open("a", encoding="utf-8") as file:
        file.write("# the template's\n")
    edit(template, "docs/adapt.md", "# ", "# New: ")
    edit(template, "benchmarks/cost.py", '"""', '"""New: ')
    edit(template, "README.md", "# Slipway\n", "# Slipway, new\n")
    (template / "docs" / "serve.md").rename(template / "docs" / "serving.md")
    edit(template, "hooks/tree.py", '"""The tree', '"""New: the tree')
    commit(template)


def test_edits_stay_news_arrive_and_the_same_lines_are_told(project: Path, template: Path, run: Run) -> None:
    before = edited(project)
    news(template)
    done = run("cruft", "update", "--skip-apply-ask", folder=project)
    assert done.returncode == 0, done.stderr
    after = files(project)
    assert git(project, "diff", "--name-only", "--diff-filter=U") == "README.md"
    text = after["README.md"].decode()
    assert "# Our own sorter\n=======\n# News sorter, new\n>>>>>>> " in text
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed == {
        ".cruft.json",
        CI,
        "README.md",
        "docs/new.md",
        "docs/serve.md",
        "docs/serving.md",
        "src/news_sorter/errors.py",
        "src/news_sorter/models/store.py",
    }
    assert after["docs/new.md"].decode() == "# News sorter's news\n\n`news-sorter summary`\n"
    assert b"  # ours\n" in after[CI]
    assert after[CI].endswith(b"# the template's, of news-sorter\n")
    assert b"import abc as _abc" in after["src/news_sorter/models/store.py"]
    assert after["src/news_sorter/models/store.py"].endswith(b"# the template's\n")
    # but for the settings of the update themselves
    assert [name for name, content in after.items() if b"slipway" in content.lower()] == [".cruft.json"]
    assert run("cruft", "update", "--skip-apply-ask", folder=project).returncode != 0  # until the conflict is resolved
    edit(project, "README.md", text[: text.index("\n\n")], "# Our own sorter")
    commit(project)
    assert "already up to date" in run("cruft", "update", "--skip-apply-ask", folder=project).stdout


def test_a_project_that_was_made_without_cruft_is_linked_later(
    copy: Callable[..., Path], template: Path, run: Run
) -> None:
    project = copy(template, project_name="News sorter", github_owner="acme", licence="MIT")
    made = git(template, "rev-parse", "HEAD")
    edit(project, CI, "jobs:\n", "jobs:\n  # ours\n")
    commit(project)
    news(template)
    link = ["link", "--no-input", "--default-config", "--extra-context", TOLD, "--checkout", made]
    done = run("cruft", *link, template, folder=project)
    assert done.returncode == 0, done.stderr
    # what `checkout` says is stayed at
    facts = json.loads((project / ".cruft.json").read_text())
    assert facts["commit"] == made
    commit(project)
    done = run("cruft", "update", "--skip-apply-ask", folder=project)
    assert done.returncode == 0, done.stderr
    assert git(project, "diff", "--name-only", "--diff-filter=U") == ""
    assert b"  # ours\n" in (project / CI).read_bytes()
    assert (project / "docs" / "new.md").is_file()
    assert (project / "README.md").read_text().startswith("# News sorter, new\n")
