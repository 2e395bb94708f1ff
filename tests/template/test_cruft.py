"""An edited project takes what is new in the template: its edits stay, and what both changed is told."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.template.conftest import ROOT, Run, files, git
from tests.template.copies import CORE, E_ACUTE, environment

from slipway.delivery.update.patch import read

pytestmark = pytest.mark.slow
UPDATE = re.findall(r"^(cruft update.*?) +#", (ROOT / "docs" / "update.md").read_text(encoding="utf-8"), re.MULTILINE)
TOLD = json.dumps({"project_name": "News sorter", "github_owner": "acme", "licence": "MIT"})
TRAIN = ".github/workflows/train.yml"
ERRORS = "src/news_sorter/errors.py"
SAME = ("terraform/modules/repository/versions.tf", "terraform/modules/names/versions.tf")
STORE = "src/news_sorter/models/store.py"


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


def edited(folder: Path, rows: Path) -> dict[str, bytes]:
    """As a project would, after docs/adapt.md: own data, own model, a workflow's form, a title; three files less."""
    lines = rows.read_text(encoding="utf-8").splitlines()[:600]
    with (folder / "data" / "local" / "tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "label"), *(line.rsplit("\t", 1) for line in lines)])
    conf = folder / "conf"
    shutil.copyfile(conf / "data" / "csv.yaml", conf / "data" / "tickets.yaml")
    edit(folder, "conf/data/tickets.yaml", "name: my_texts", "name: tickets")
    edit(folder, "conf/data/tickets.yaml", "data/local/texts.csv", "data/local/tickets.csv")
    package = folder / "src" / "news_sorter"
    shutil.copyfile(Path(__file__).with_name("mine.py"), package / "models" / "mine.py")
    told = (conf / "model" / "encoder.yaml").read_text(encoding="utf-8")
    shared = f"kind: mine\nlr: 0.01\nwidth: 32\n{told[told.index('tokenizer:') :]}"
    (conf / "model" / "mine.yaml").write_text(shared, encoding="utf-8")
    kind = 'class Mine(Model):\n    """Ours."""\n\n    kind: Literal["mine"]\n    width: int = Field(ge=1)\n\n\n'
    edit(
        folder,
        "src/news_sorter/config/model.py",
        "ModelConfig = Annotated[Bag",
        f"{kind}ModelConfig = Annotated[Mine | Bag",
    )
    edit(
        folder,
        STORE,
        "Encoder as EncoderConfig\n",
        "Encoder as EncoderConfig\nfrom news_sorter.config.model import Mine as MineConfig\n",
    )
    edit(
        folder,
        STORE,
        "models.encoder import Encoder, EncoderShape\n",
        "models.encoder import Encoder, EncoderShape\nfrom news_sorter.models.mine import Mine\n",
    )
    edit(folder, STORE, "type[Pretrained]] = {", "type[Pretrained] | type[Mine]] = {")
    edit(folder, STORE, "in (Bag, Encoder, Pretrained)", "in (Bag, Encoder, Pretrained, Mine)")
    branch = "    if isinstance(config, MineConfig):\n        return Mine(meta.vocab_size, config.width, classes)\n"
    edit(folder, STORE, "    if isinstance(config, BagConfig):\n", f"{branch}    if isinstance(config, BagConfig):\n")
    edit(folder, "params.yaml", "data: aws_docs\nmodel: bag", "data: tickets\nmodel: mine")
    edit(folder, TRAIN, "csv, imdb, news_aggregator]", "csv, news_aggregator, tickets]")
    edit(folder, TRAIN, "[bag, encoder, pretrained]", "[bag, encoder, pretrained, mine]")
    edit(folder, "README.md", "# News sorter\n", "# Our own sorter\n")
    edit(folder, "README.md", "State: rehearsed; not yet run in a real account.", "It runs.")
    # what docs/first-day.md asks for, and docs/deploy.md allows
    edit(folder, "conf/config.yaml", '"not stated: set card.owner in conf/config.yaml"', "mona@example.com")
    edit(folder, "terraform/platform/terraform.tfvars", "= []", '= ["mona@example.com"]')
    edit(folder, "terraform/bootstrap/terraform.tfvars", 'owner_id = "0"', 'owner_id = "101"')
    edit(folder, "terraform/bootstrap/terraform.tfvars", 'id       = "0"', 'id       = "202"')
    accepted = "[]\n", "- name: CVE-2026-1\n  reason: never called\n  until: 2999-01-01\n"
    edit(folder, "lambda/accepted.yaml", *accepted)
    # it reads no archive, and neither do its tests
    (folder / "conf" / "data" / "imdb.yaml").unlink()
    (folder / "tests" / "data" / "sources" / "test_archives_of_texts.py").unlink()
    (folder / "benchmarks" / "data_path.py").unlink()
    edit(folder, "benchmarks/footprint.py", '"""', '"""Ours: ')
    commit(folder)
    return files(folder)


def news(template: Path) -> None:
    """Beside the edits, in the same files and in others; in what was deleted; and on one line that was edited."""
    (template / "docs" / "new.md").write_text("# Slipway's news\n\n`slipway summary`\n", encoding="utf-8")
    edit(template, "src/slipway/errors.py", '"""', '"""What is new in slipway: ')
    with (template / TRAIN).open("a", encoding="utf-8") as file:
        file.write("# the template's, of slipway\n")
    with (template / STORE.replace("news_sorter", "slipway")).open("a", encoding="utf-8") as file:
        file.write("\n\n# the template's\n")
    edit(template, "conf/data/imdb.yaml", "# ", "# New: ")
    edit(template, "benchmarks/data_path.py", '"""', '"""New: ')
    edit(template, "README.md", "# Slipway\n", "# Slipway, new\n")
    (template / "benchmarks" / "quality.py").rename(template / "benchmarks" / "accuracy.py")
    (template / "benchmarks" / "footprint.py").unlink()
    (template / "benchmarks" / "cold_start.py").unlink()
    # a rule that forbids the project's name today does not keep it from its updates
    edit(template, "hooks/reserved/commands.txt", "activate ", "activate news-sorter ")
    # a prompt that is new has an answer that is used without being asked
    edit(
        template,
        "cookiecutter.json",
        '  "visibility":',
        '  "colour": "{{ cookiecutter.project_name | shout }}",\n  "visibility":',
    )
    edit(template, "hooks/choices.py", "    visibility: str\n", "    visibility: str\n    colour: str = 'red'\n")
    edit(template, "hooks/extension.py", '{"project_slug": slug_of,', '{"shout": str.upper, "project_slug": slug_of,')
    edit(template, "hooks/tree.py", '"""The tree', '"""New: the tree')
    commit(template)


def test_edits_stay_news_arrive_and_the_project_still_passes_and_trains(
    project: Path, template: Path, run: Run, uci_news: Path
) -> None:
    before = edited(project, uci_news / "train.txt")
    news(template)
    done = run(*UPDATE[0].split(), folder=project)
    assert done.returncode == 0, done.stderr
    assert "benchmarks/footprint.py stays: the template removed it, and this project changed it." in done.stdout
    after = files(project)
    # both changed the same line there, and nowhere else
    assert git(project, "diff", "--name-only", "--diff-filter=U") == "README.md"
    text = after["README.md"].decode()
    assert "# Our own sorter\n=======\n# News sorter, new\n>>>>>>> " in text
    assert {name for name in before | after if before.get(name) != after.get(name)} == {
        ".cruft.json",
        TRAIN,
        "README.md",
        "docs/new.md",
        "benchmarks/quality.py",
        "benchmarks/accuracy.py",
        "benchmarks/cold_start.py",
        "src/news_sorter/errors.py",
        STORE,
    }
    assert after["docs/new.md"].decode() == "# News sorter's news\n\n`news-sorter summary`\n"
    assert b"csv, news_aggregator, tickets]" in after[TRAIN]
    assert after[TRAIN].endswith(b"# the template's, of news-sorter\n")
    assert b"return Mine(" in after[STORE]
    assert after[STORE].endswith(b"# the template's\n")
    # but for the settings of the update themselves
    assert [name for name, content in after.items() if b"slipway" in content.lower()] == [".cruft.json"]
    assert run(*UPDATE[0].split(), folder=project).returncode != 0  # until the conflict is resolved
    edit(project, "README.md", text[: text.index("\n\n")], "# Our own sorter")
    commit(project)
    assert "already up to date" in run(*UPDATE[0].split(), folder=project).stdout

    own = environment(project)
    core = [f"tests/{name}" for name in (*CORE, "config", "models", "delivery")]
    for words in (
        ["dvc", "repro", "--quiet"],
        ["make", "lint"],
        ["pytest", "-q", "-n", "2", "-m", "not slow and not rehearsal", *core],
    ):
        done = subprocess.run(words, cwd=project, env=own, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert json.loads((project / "models" / "train" / "model.json").read_text())["kind"] == "mine"


def test_the_workflow_names_what_was_not_merged(project: Path, template: Path, run: Run, tmp_path: Path) -> None:
    # the template removes the first, renames another to the second, and changes the last two
    edit(project, "benchmarks/footprint.py", '"""', '"""Ours: ')
    (project / "benchmarks" / "accuracy.py").write_text("# Ours.\n", encoding="utf-8")
    (project / "conf" / "data" / "imdb.yaml").rename(project / "conf" / "data" / "films.yaml")
    (project / ERRORS).rename(project / "src" / "news_sorter" / "problems.py")
    (project / ERRORS).symlink_to("problems.py")
    # the one that is gone is the same as one that is removed
    (project / SAME[0]).unlink()
    edit(project, SAME[1], "terraform {", "# ours\nterraform {")
    commit(project)
    assert run("cruft", "diff", folder=project).returncode == 0
    (template / SAME[1]).unlink()
    news(template)
    take = [f"PYTHONPATH={project / 'src'}", sys.executable, "-m", "news_sorter", "take-update", tmp_path / "update"]
    # where git quotes paths
    odd = tmp_path / f"t{E_ACUTE}mp"
    odd.mkdir()
    done = run("env", *take, folder=project, TMPDIR=str(odd))
    assert done.returncode == 0, done.stderr
    update, patch = read(tmp_path / "update")
    assert update.conflicts == []
    assert update.kept == ["benchmarks/accuracy.py", "benchmarks/footprint.py", "conf/data/imdb.yaml", ERRORS, SAME[1]]
    assert set(re.findall(rb"^diff --git a/(\S+)", patch, re.MULTILINE)).isdisjoint(map(os.fsencode, update.kept))
    assert b"docs/new.md" in patch


def test_new_answers_are_held_to_the_rules(project: Path, run: Run) -> None:
    told = ["--variables-to-update", json.dumps({"aws_region": "Frankfurt"})]
    done = run(*UPDATE[0].split(), *told, folder=project)
    assert done.returncode != 0
    assert "aws_region 'Frankfurt' is no region of AWS" in done.stdout + done.stderr
    assert git(project, "status", "--porcelain") == ""


def test_a_project_that_was_made_without_cruft_is_linked_later(
    copy: Callable[..., Path], template: Path, run: Run, tmp_path: Path
) -> None:
    # a clone, as cookiecutter makes one of an address
    clone = tmp_path / "clone" / "slipway"
    git(tmp_path, "clone", "--quiet", str(template), str(clone))
    git(clone, "remote", "set-url", "origin", "https://mona:secret@example.com/acme/slipway")
    project = copy(clone, project_name="The 'news' sorter", project_slug="news-sorter", github_owner="acme")
    made = git(template, "rev-parse", "HEAD")
    edit(project, TRAIN, "jobs:\n", "jobs:\n  # ours\n")
    commit(project)
    news(template)
    # as docs/update.md says
    link = shlex.split(git(project, "log", "--max-parents=0", "--format=%b"))
    assert link[:3] == ["cruft", "link", "https://example.com/acme/slipway"]
    link[2] = str(template)
    done = run(*link, folder=project)
    assert done.returncode == 0, done.stderr
    # what `checkout` says is stayed at
    facts = json.loads((project / ".cruft.json").read_text())
    assert facts["commit"] == made
    commit(project)
    done = run(*UPDATE[0].split(), folder=project)
    assert done.returncode == 0, done.stderr
    assert git(project, "diff", "--name-only", "--diff-filter=U") == ""
    assert b"  # ours\n" in (project / TRAIN).read_bytes()
    assert (project / "docs" / "new.md").is_file()
    assert (project / "README.md").read_text().startswith("# The 'news' sorter, new\n")
