"""A copy is the same tree under another name, with the values that were chosen; a bad answer leaves nothing behind."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from choices import Choices
from generate import beginning
from tests.template.conftest import BIN, ROOT, Run, files, git
from tests.template.copies import E_ACUTE, MATRIX, environment


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """The files that two trees do not have alike."""
    return sorted(name for name in one | other if one.get(name) != other.get(name))


@pytest.fixture(params=MATRIX.values(), ids=MATRIX)
def answers(request: pytest.FixtureRequest) -> dict[str, str]:
    return dict(request.param)


@pytest.mark.slow
def test_a_copy_holds_nothing_of_the_template_and_is_well_formed(
    answers: dict[str, str], copy: Callable[..., Path], run: Run, tmp_path: Path
) -> None:
    folder = copy(**answers)
    found = files(folder)
    spelt = [name for name, content in found.items() if b"slipway" in content.lower() or "slipway" in name.lower()]
    assert spelt == []
    here = [
        name for name, content in found.items() if str(tmp_path).encode() in content or str(ROOT).encode() in content
    ]
    assert here == []
    assert not [
        name for name in found if name.startswith(("hooks/", "tests/template/", "cookiecutter", "template_", "{{"))
    ]
    assert not [name for name, content in found.items() if b"template-only" in content]
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "log", "--format=%s") == "Begin from the template"
    bits = [name for name in git(folder, "ls-files").splitlines() if os.access(folder / name, os.X_OK)]
    assert bits == [name for name in git(ROOT, "ls-files").splitlines() if os.access(ROOT / name, os.X_OK)]
    for words in (["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"]):
        done = run(*words, folder=folder)
        assert done.returncode == 0, done.stdout
    done = run("terraform", "fmt", "-check", "-recursive", folder=folder / "terraform")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_what_was_chosen_stands_where_it_is_read(copy: Callable[..., Path]) -> None:
    folder = copy(
        project_name="News, sorted",
        github_owner="acme",
        github_repository="texts",
        aws_region="eu-west-1",
        licence="MIT",
        example_data="csv",
        compute="container",
        visibility="public",
    )
    assert folder.name == "news-sorted"
    read = {name: content.decode("utf-8", "replace") for name, content in files(folder).items()}
    github = dict(re.findall(r'(\w+) += "(.*)"', read["terraform/bootstrap/terraform.tfvars"]))
    assert (github["owner"], github["name"]) == ("acme", "texts")
    assert dict(re.findall(r'(\w+) += "(.*)"', read["terraform/project.tfvars"])) == {
        "project": "news-sorted",
        "region": "eu-west-1",
    }
    project = tomllib.loads(read["pyproject.toml"])["project"]
    assert (project["name"], project["license"]) == ("news-sorted", "MIT")
    assert project["scripts"] == {"news-sorted": "news_sorted.__main__:main"}
    assert read["LICENSE"].startswith("MIT License\n\nCopyright (c) acme\n")
    assert read["README.md"].startswith("# News, sorted\n")
    assert "\ndata: csv\n" in read["params.yaml"]
    assert "default: csv\n" in read[".github/workflows/train.yml"]
    assert "- compute: container\n" in read["conf/config.yaml"]
    assert "gh repo create acme/texts --public --source" in read["docs/first-day.md"]
    assert "gh api repos/acme/texts --jq" in read["docs/first-day.md"]
    assert 'VISIBILITY = "public"' in read["src/news_sorted/delivery/doctor/project.py"]
    assert "text classification; the rows are its own, in `data/local/texts.csv`" in read["README.md"]
    # what stands there is what the first stage writes
    own = environment(folder)
    subprocess.run([folder / ".venv" / "bin" / "news-sorted", "compose"], cwd=folder, env=own, check=True)
    assert git(folder, "status", "--porcelain") == ""
    assert (folder / "src" / "news_sorted" / "__main__.py").is_file()


@pytest.mark.slow
def test_renaming_in_place_makes_the_same_tree(copy: Callable[..., Path], run: Run, template: Path) -> None:
    told = {"project_name": f"Caf{E_ACUTE} 2"}
    # whose it is, is asked of a copy, and read of a repository that is there
    expected = files(copy(**told, github_owner="acme", github_repository="texts"))
    git(template, "remote", "add", "origin", "git@github.com-work:acme/texts.git")
    spelt = [f"{key}={value}" for key, value in told.items()]
    (template / "new.txt").touch()
    refused = run("make", "rename", *spelt, folder=template)
    assert refused.returncode != 0
    assert "the tree is not clean (?? new.txt)" in refused.stderr
    (template / "new.txt").unlink()
    refused = run("make", "rename", "project_name=Lambda", folder=template)
    assert "is a keyword of Python" in refused.stderr
    assert "say project_name=" in run("make", "rename", folder=template).stderr
    refused = run("make", "rename", *spelt, "license=MIT", folder=template)
    assert "error: license is nothing that can be chosen: project_name, " in refused.stderr
    refused = run("make", "rename", *spelt, "github_owner=", folder=template)
    assert "github_owner '' is no name of a user" in refused.stderr
    # the state of this machine goes along
    for name in (".slipway/jobs", ".cafe-2/jobs"):
        (template / name).mkdir(parents=True)
    with (template / ".git" / "info" / "exclude").open("a", encoding="utf-8") as file:
        file.write(".cafe-2/\n")
    assert ".slipway would be .cafe-2, which is there" in run("make", "rename", *spelt, folder=template).stderr
    shutil.rmtree(template / ".cafe-2")
    assert git(template, "status", "--porcelain") == ""
    done = run("make", "rename", *spelt, folder=template)
    assert done.returncode == 0, done.stderr
    assert differing(files(template), expected) == []
    assert not (template / "hooks").exists()
    assert (template / ".cafe-2" / "jobs").is_dir()
    assert "R  " in git(template, "status", "--porcelain")[:2000]


@pytest.mark.slow
def test_what_cannot_be_renamed_in_place_is_refused_before(run: Run, template: Path) -> None:
    (template / "link").symlink_to("README.md")
    git(template, "add", "link")
    git(template, "commit", "--quiet", "--message", "a link")
    told = ("project_name=O'Brien", "github_owner=acme")
    assert "link is a link or a submodule" in run("make", "rename", *told, folder=template).stderr
    assert git(template, "status", "--porcelain") == ""
    git(template, "rm", "--quiet", "link")
    git(template, "commit", "--quiet", "--message", "no link")
    done = run("make", "rename", *told, folder=template)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("O'Brien it is: acme/o-brien on GitHub, us-east-1 in AWS. Next:\n")


@pytest.mark.slow
def test_a_hook_of_gits_makes_a_copy_too(run: Run, template: Path, tmp_path: Path) -> None:
    # git has named its own repository to what it runs
    told = {"GIT_DIR": str(template / ".git"), "GIT_INDEX_FILE": str(template / ".git" / "index")}
    # and who works there, in CI
    told |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "mona"}
    done = run("cookiecutter", "--no-input", "--default-config", ROOT, "project_name=News", **told)
    assert done.returncode == 0, done.stderr
    assert git(template, "log", "--format=%s") == "the template"
    assert git(template, "status", "--porcelain") == ""
    assert git(tmp_path / "news", "log", "--format=%an: %s") == "mona: Begin from the template"
    assert git(tmp_path / "news", "status", "--porcelain") == ""


@pytest.mark.slow
def test_a_copy_by_somebody_whom_git_does_not_know_waits_for_a_name(run: Run, tmp_path: Path) -> None:
    nobody = tmp_path / "gitconfig"
    nobody.write_text("[user]\n\tuseConfigOnly = true\n[safe]\n\tdirectory = *\n", encoding="utf-8")
    told = ("cookiecutter", "--no-input", "--default-config", ROOT, "project_name=News")
    done = run(*told, GIT_CONFIG_GLOBAL=str(nobody))
    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "news", "status", "--porcelain").startswith("A  ")
    [line] = [line for line in done.stdout.splitlines() if line.endswith("# who are you?")]
    done = run("bash", "-c", line.replace('"..."', "mona"), folder=tmp_path / "news", GIT_CONFIG_GLOBAL=str(nobody))
    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "news", "log", "--format=%an: %s") == "mona: Begin from the template"
    assert git(tmp_path / "news", "log", "--format=%b").startswith("cruft link ")


@pytest.mark.slow
def test_a_copy_elsewhere_says_where(run: Run, tmp_path: Path) -> None:
    done = run(
        "cookiecutter", "--no-input", "--default-config", "--output-dir", "over there", ROOT, "project_name=News"
    )
    assert done.returncode == 0, done.stderr
    assert f"\n  cd '{tmp_path}/over there/news'\n" in done.stdout


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("https://mona:p@ss/word@github.com/acme/slipway.git", "https://github.com/acme/slipway.git"),
        ("ssh://git@github.com/acme/slipway.git", "ssh://git@github.com/acme/slipway.git"),
        ("git@github.com:acme/slipway.git", "git@github.com:acme/slipway.git"),
        ("ssh://mona:word@example.com/slipway", "TEMPLATE"),
        ("/home/mona/slipway", "TEMPLATE"),
    ],
)
def test_the_address_is_told_without_a_secret(tmp_path: Path, origin: str, address: str) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "the template")
    git(tmp_path, "remote", "add", "origin", origin)
    said = beginning(tmp_path, Choices.of({"project_name": "News"}, ROOT))
    assert said.splitlines()[2].startswith(f"cruft link {address} --checkout ")


@pytest.mark.slow
def test_whose_repository_it_is_is_not_taken_from_the_template(run: Run, template: Path) -> None:
    git(template, "remote", "add", "origin", "https://github.com/founders/slipway.git")
    refused = run("make", "rename", "project_name=News", "github_owner=acme", folder=template)
    assert "git's `origin` is still founders/slipway: point it to your own repository" in refused.stderr
    assert git(template, "status", "--porcelain") == ""
    told = ("project_name=News", "github_owner=acme", "github_repository=texts")
    assert run("make", "rename", *told, folder=template).returncode == 0
    assert "gh repo create acme/texts " in (template / "docs" / "first-day.md").read_text(encoding="utf-8")


REFUSED = {
    "a keyword": ({"project_name": "Lambda"}, "is a keyword of Python"),
    "a module": ({"project_name": "E-mail", "project_slug": "email"}, "is a module of Python's own library"),
    "a package": ({"project_name": "Torch"}, "is a package or module that the project needs"),
    "upper case": ({"project_slug": "News"}, "must be lower-case letters"),
    "another folder": ({"project_slug": "../news"}, "must be lower-case letters"),
    "too long": ({"project_name": "w" * 33}, "has 33 characters: 3 to 32"),
    "no region": ({"aws_region": "Frankfurt"}, "is no region of AWS"),
    "quotes": ({"project_name": 'it\'s "so" \\'}, "may hold letters, digits, spaces"),
    "Jinja": ({"project_name": "{% raw %}{{ 7 }}{% endraw %}", "project_slug": "good"}, "may hold letters"),
}


@pytest.mark.parametrize(("answers", "rule"), REFUSED.values(), ids=REFUSED)
def test_a_bad_answer_is_told_and_leaves_nothing(answers: dict[str, str], rule: str, run: Run, tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    told = [f"{key}={value}" for key, value in answers.items()]
    done = run("cookiecutter", "--no-input", "--default-config", ROOT, *told, folder=into)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert re.search(rf"^error: .*{re.escape(rule)}", said, re.MULTILINE)
    assert "Traceback" not in said
    assert list(into.iterdir()) == []
    assert not (tmp_path / "news").exists()


def test_a_folder_that_exists_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine\n")
    told = ("cookiecutter", "--no-input", "--default-config", ROOT, "project_name=News")
    done = run(*told)
    assert done.returncode != 0
    assert "already exists" in done.stderr + done.stdout
    done = run(*told[:3], "--overwrite-if-exists", *told[3:])
    assert done.returncode != 0
    assert "holds files already (mine.txt): docs/update.md says" in done.stderr
    assert files(folder) == {"mine.txt": b"mine\n"}
    # what cookiecutter did not write there is not taken away
    (folder / ".gitkeep").write_text("mine, too\n")
    done = run(*told[:3], "--overwrite-if-exists", "--skip-if-file-exists", *told[3:])
    assert "holds files already" in done.stderr
    assert files(folder) == {"mine.txt": b"mine\n", ".gitkeep": b"mine, too\n"}


@pytest.mark.slow
def test_a_template_in_a_folder_that_cruft_might_have_made_is_any_other(
    copy: Callable[..., Path], run: Run, template: Path, tmp_path: Path
) -> None:
    # in the temporary folder, where cruft has one of this name
    (tmp_path / "tmp" / "mine").mkdir(parents=True)
    template = template.rename(tmp_path / "tmp" / "mine" / "repo")
    refused = run("cookiecutter", "--no-input", "--default-config", template, "project_name=Lambda")
    assert "is a keyword of Python" in refused.stdout
    assert git(copy(template, project_name="News"), "log", "--format=%s") == "Begin from the template"


def test_without_git_nothing_is_made(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    (path / "cookiecutter").symlink_to(BIN / "cookiecutter")
    done = run("cookiecutter", "--no-input", "--default-config", ROOT, "project_name=News", PATH=str(path))
    assert done.returncode != 0
    assert "error: git is missing" in done.stderr
    assert not (tmp_path / "news").exists()


def test_a_copy_that_fails_half_way_leaves_nothing(run: Run, template: Path, tmp_path: Path) -> None:
    (template / "docs" / "first-day.md").unlink()
    done = run("cookiecutter", "--no-input", "--default-config", template, "project_name=News")
    assert done.returncode != 0
    assert "docs/first-day.md: the template has no such files" in done.stderr
    assert not (tmp_path / "news").exists()


@pytest.mark.slow
def test_spaces_and_other_letters_in_the_path_change_nothing(
    copy: Callable[..., Path], template: Path, tmp_path: Path
) -> None:
    odd = tmp_path / f"with a space, and {E_ACUTE}"
    odd.mkdir()
    template = template.rename(odd / "slipway")
    (tmp_path / "plain").mkdir()
    plain = copy(into=tmp_path / "plain", project_name="News")
    assert differing(files(copy(template, odd, project_name="News")), files(plain)) == []


@pytest.mark.slow
def test_an_archive_without_gits_history_makes_the_same_copy(
    copy: Callable[..., Path], template: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    expected = copy(template, tmp_path / "one", project_name="News")
    # cookiecutter opens one as it comes from GitHub, and gives nobody the right to execute what is in it
    git(template, "archive", "--format=zip", "--prefix=slipway-main/", f"--output={tmp_path / 'main.zip'}", "HEAD")
    found = copy(tmp_path / "main.zip", tmp_path / "two", project_name="News")
    assert differing(files(found), files(expected)) == []
    assert git(found, "ls-files", "--stage") == git(expected, "ls-files", "--stage")
    # which it came from is told where it is known
    known = f"cruft link TEMPLATE --checkout {git(template, 'rev-parse', 'HEAD')} --no-input --extra-context "
    assert git(expected, "log", "--format=%b").startswith(known)
    assert git(found, "log", "--format=%b") == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "said"),
    [
        # which looks for no extension in a template
        ("1.7.3", "No module named 'needs_a_newer_cookiecutter'"),
        ("2.3.1", "cookiecutter 2.3.1 is too old: 2.4 or newer is needed"),
    ],
)
def test_an_old_cookiecutter_says_what_is_needed_and_makes_nothing(
    run: Run, tmp_path: Path, version: str, said: str
) -> None:
    subprocess.run([BIN / "uv", "venv", "--quiet", "--python", sys.executable, tmp_path / "old"], check=True)
    install = [BIN / "uv", "pip", "install", "--quiet", "--python", tmp_path / "old" / "bin" / "python"]
    if subprocess.run([*install, f"cookiecutter=={version}", "setuptools<80"], check=False).returncode:
        pytest.skip("no package index answers")
    done = run(tmp_path / "old" / "bin" / "cookiecutter", "--no-input", "--default-config", ROOT, "project_name=News")
    assert done.returncode != 0
    assert said in done.stderr + done.stdout
    assert not (tmp_path / "news").exists()
