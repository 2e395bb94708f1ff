"""Names: what a title suggests, and which rule a bad one breaks."""

import re
import subprocess
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from choices import Choices
from names import LONGEST, REGIONS, SHORTEST, Names, RefusedError, check_slug, slug_of, taken_in
from renaming import renamed
from tests.template.conftest import BIN

from slipway.delivery.terraform.root import regions

ROOT = Path(__file__).resolve().parents[2]
NAMES = Names("News Sorter", "news-sorter")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("News Sorter", "news-sorter"),
        ("\N{LATIN CAPITAL LETTER E WITH ACUTE}tude  Caf\N{LATIN SMALL LETTER E WITH ACUTE} 2", "etude-cafe-2"),
        ("Stra\N{LATIN SMALL LETTER SHARP S}e & Co.", "strasse-co"),
        ("ALL CAPITALS", "all-capitals"),
        ("--- x ---", "x"),
        ("\N{CJK UNIFIED IDEOGRAPH-5317}", ""),
    ],
)
def test_a_title_suggests_a_slug(title: str, slug: str) -> None:
    assert slug_of(title) == slug


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({"project_name": ""}, "must have 1 to 60 characters"),
        ({"project_name": "x" * 61, "project_slug": "good"}, "must have 1 to 60 characters"),
        ({"project_name": "two\nlines"}, r"may hold letters, digits, spaces and .* but not '\\n'"),
        ({"project_name": "a [link](there)"}, r"but not '\['"),
        ({"project_name": "\N{CJK UNIFIED IDEOGRAPH-5317}"}, "project_name has no letter from a to z: say it yourself"),
        ({"project_slug": "News"}, "must be lower-case letters"),
        ({"project_slug": "news_sorter"}, "must be lower-case letters"),
        ({"project_slug": "2nd"}, "begin with a letter"),
        ({"project_slug": "news--sorter"}, "single hyphens"),
        ({"project_slug": "news-"}, "single hyphens"),
        ({"project_slug": "../news"}, "must be lower-case letters"),
        ({"project_slug": "ab"}, "has 2 characters: 3 to 32"),
        ({"project_slug": "a" * 33}, "has 33 characters: 3 to 32"),
        ({"project_slug": "awstexts"}, "begins with aws: AWS keeps such names"),
        ({"project_slug": "xn--a"}, "single hyphens"),
        ({"project_slug": "sthree-texts"}, "AWS keeps such names"),
        ({"project_slug": "github-texts"}, r"environment variables GITHUB_\.\.\. are read by others"),
        ({"project_slug": "tf-var-texts"}, r"TF_VAR_\.\.\. are read by others"),
        ({"project_slug": "lambda"}, "keyword of Python"),
        ({"project_slug": "match"}, "keyword of Python"),
        ({"project_slug": "email"}, "Python's own library"),
        ({"project_slug": "docker"}, "a command of the system or of the tools"),
        ({"project_slug": "touch"}, "a command of the system or of the tools"),
        ({"project_slug": "hive-metastore"}, "that the project needs"),
        ({"project_slug": "benchmarks"}, "a folder of the project"),
        ({"project_slug": "torch"}, "that the project needs"),
        ({"project_slug": "scikit-learn"}, "that the project needs"),
        ({"project_slug": "predictor"}, "that the project needs"),
        ({"project_slug": "serving"}, "that the project needs"),
        ({"project_slug": "gitignore"}, r"would keep its state in \.gitignore, which is something else"),
        ({"project_slug": "null"}, "is no text to YAML"),
        ({"project_slug": "slipway"}, "the template's own name"),
        ({"github_owner": "a/b"}, "github_owner 'a/b' is no name"),
        ({"github_owner": "-a"}, "is no name of a user"),
        ({"github_owner": "a" * 40}, "is no name of a user"),
        ({"github_repository": "acme/texts"}, "without its owner"),
        ({"github_repository": ".."}, "is no name of a repository"),
        ({"aws_region": "Frankfurt"}, "is no region of AWS"),
        ({"aws_region": "EU-central-1"}, "is no region of AWS, such as eu-central-1"),
        ({"aws_region": "eu-central-7"}, "is no region of AWS, such as eu-central-"),
        ({"aws_region": "cn-north-1"}, "China's regions are not supported"),
        ({"licence": "GPL"}, "licence 'GPL' is none of Apache-2.0, MIT, Proprietary"),
        ({"compute": "gpu"}, "compute 'gpu' is none of"),
        ({"color": "red"}, "color is nothing that can be chosen"),
    ],
)
def test_a_bad_answer_is_refused_with_its_rule(told: dict[str, str], rule: str) -> None:
    with pytest.raises(RefusedError, match=rule):
        Choices.of({"project_name": "News Sorter"} | told, ROOT).check(ROOT)


def test_what_lies_hidden_in_the_project_is_refused() -> None:
    tracked = subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8")
    hidden = {line.lstrip("/").partition("/")[0] for line in (tracked + ignored).splitlines()}
    slugs = [name[1:] for name in hidden if re.fullmatch(r"\.[a-z0-9-]{3,32}", name)]
    assert "venv-checkov" in slugs
    for slug in slugs:
        with pytest.raises(RefusedError):
            check_slug(slug, taken_in(ROOT))


def test_no_good_slug_is_more_than_text_to_yaml() -> None:
    words = ("null", "off", "yes", "true", "false")
    assert all(not isinstance(yaml.safe_load(word), str) for word in words)
    for word in words:
        with pytest.raises(RefusedError):
            check_slug(word, taken_in(ROOT))


def test_what_the_environment_holds_is_refused() -> None:
    """Else a project of that name would hide a package that it needs, or a command that its tasks call."""
    taken = taken_in(ROOT)
    commands = [path.name for path in BIN.iterdir() if path.name != "slipway"]
    recipes = re.findall(r"^\t(.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    calls = [word for line in recipes for word in re.findall(r"(?:^@?|&& |\|\| )([a-z][a-z0-9-]*) ", line)]
    free = []
    for name in {*packages_distributions(), *commands, *calls} - {"slipway"}:
        slug = name.replace("_", "-")
        if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug) and SHORTEST <= len(slug) <= LONGEST:
            try:
                check_slug(slug, taken)
            except RefusedError:
                continue
            free.append(slug)
    assert free == [], "put them into hooks/reserved"


def test_the_regions_are_awss() -> None:
    assert regions() == REGIONS


@pytest.mark.parametrize("slug", ["abq", "a" * 32, "x-1-y", "news2"])
def test_a_good_slug_is_taken(slug: str) -> None:
    choices = Choices.of({"project_name": "T", "project_slug": slug}, ROOT)
    choices.check(ROOT)
    assert choices.github_repository == slug


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from slipway.data import x\nimport slipway\n", "from news_sorter.data import x\nimport news_sorter\n"),
        ('[sys.executable, "-m", "slipway", "train"]', '[sys.executable, "-m", "news_sorter", "train"]'),
        ("python -m slipway.rehearsal", "python -m news_sorter.rehearsal"),
        ("cmd: python -m slipway compose", "cmd: python -m news_sorter compose"),
        ('slipway = "slipway.__main__:main"', 'news-sorter = "news_sorter.__main__:main"'),
        ('ROOT / "src" / "slipway"', 'ROOT / "src" / "news_sorter"'),
        ('"*/src/slipway", "*/slipway-*/slipway"', '"*/src/news_sorter", "*/news-sorter-*/news_sorter"'),
        ('sections = { package = ["slipway"] }', 'sections = { package = ["news_sorter"] }'),
        ("slipway/training/launch.py", "news_sorter/training/launch.py"),
        ("policy/slipway/slipway-github-boundary", "policy/news-sorter/news-sorter-github-boundary"),
        (".slipway/jobs", ".news-sorter/jobs"),
        ("`slipway summary`, $SLIPWAY_BUCKET", "`news-sorter summary`, $NEWS_SORTER_BUCKET"),
        ("# Slipway", "# News Sorter"),
    ],
)
def test_each_spelling_becomes_the_projects(text: str, expected: str) -> None:
    assert renamed(text, NAMES) == expected


def test_a_name_that_holds_the_templates_is_written_once() -> None:
    assert renamed("import slipway; slipway-x", Names("T", "my-slipway")) == "import my_slipway; my-slipway-x"
