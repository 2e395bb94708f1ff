"""The code is laid out the same under any name: a copy's linters and updates have nothing to say."""

import subprocess
from pathlib import Path

import pytest
from names import LONGEST, SHORTEST, Names
from renaming import renamed
from tests.template.conftest import BIN, ROOT
from tree import files_of


@pytest.mark.slow
def test_no_name_moves_a_line(tmp_path: Path) -> None:
    sources = [name for name in files_of(ROOT) if name.endswith((".py", ".toml")) or name == "docker/train"]
    moved = []
    for length in range(SHORTEST, LONGEST + 1):
        # before and behind all others in the alphabet, and with hyphens
        for begin in ("aa", "z-"):
            slug = f"{begin}{'abcdefgh' * 4}"[:length]
            folder = tmp_path / slug
            for name in sources:
                target = folder / renamed(name, Names(slug, slug))
                target.parent.mkdir(parents=True, exist_ok=True)
                text = renamed((ROOT / name).read_text(encoding="utf-8"), Names(slug, slug))
                target.write_text(text, encoding="utf-8")
            for words in (["format", "--check"], ["check", "--quiet"]):
                command = [BIN / "ruff", *words, "--no-cache", "."]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
                moved += [f"{slug}: {done.stdout}"] if done.returncode else []
    assert moved == []


def test_the_templates_own_lines_are_as_short_as_its_code() -> None:
    limit = "lint.pycodestyle.max-line-length = 120"
    command = [BIN / "ruff", "check", "--quiet", "--no-cache", "--select", "E501", "--config", limit]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
