"""No static key anywhere: not in what git keeps or would take, and not in Terraform's settings."""

import random
import re
import shutil
import string
import subprocess
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path

import pytest

from slipway.rehearsal.aws.account import ROOT

# of the emulated account, of examples in tests, and of AWS's documentation
KEYS = {"AKIAIOSFODNN7EXAMPLE", "ASIAAWSITSELF0000000", "ASIAFRESH00000000000", "ASIAREHEARSAL0000000"}
PASSWORDS = {"put-in-by-hand", "rehearsal", "secret", "hunter2", "wJalrXUtnFEMI"}
# a header's name, and a type of Python's
WORDS = {"Authorization", "Sequence[Tokens]"}
HARMLESS = {sha1(value.encode(), usedforsecurity=False).hexdigest() for value in KEYS | PASSWORDS | WORDS}
KEY = re.compile(rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")
SETTING = re.compile(r"^\s*(access_key|secret_key|token|profile|shared_credentials_files?)\s*=", re.MULTILINE)
Find = Callable[[Path], set[tuple[str, str]]]


def tracked() -> list[Path]:
    """The files that git keeps, and those that it would take."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [path for name in sorted({*names} - {""}) if (path := ROOT / name).is_file()]


@pytest.mark.slow
def test_no_file_of_the_repository_holds_a_key_or_password(secrets: Find, tmp_path: Path) -> None:
    for path in tracked():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    assert {each for each in secrets(tmp_path) if each[1] not in HARMLESS} == set()


def test_the_access_keys_in_the_repository_are_fakes() -> None:
    found = {key.decode() for path in tracked() for key in KEY.findall(path.read_bytes())}
    assert found == KEYS


def test_no_provider_or_backend_is_told_a_key() -> None:
    files = [path for path in (ROOT / "terraform").rglob("*") if path.suffix in (".tf", ".tfvars", ".tfbackend")]
    assert len(files) > 30
    assert [path.name for path in files if SETTING.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.slow
def test_real_keys_are_found_in_any_file(secrets: Find, tmp_path: Path) -> None:
    chance = random.Random(5)  # noqa: S311
    access = "AKIA" + "".join(chance.choices(string.ascii_uppercase + "234567", k=16))
    secret = "".join(chance.choices(string.ascii_letters + string.digits + "+/", k=40))
    (tmp_path / "main.tf").write_text(f'provider "aws" {{\n  secret_key = "{secret}"\n}}\n')
    (tmp_path / "notes.md").write_text(f"It is {access}.\n")
    (tmp_path / "job.env").write_text(f"AWS_SECRET_ACCESS_KEY={secret}\n")
    (tmp_path / "key.pem").write_text(f"-----BEGIN RSA PRIVATE {'KEY'}-----\n{secret}\n-----END RSA PRIVATE KEY-----\n")
    (tmp_path / "conf.yaml").write_text(f"token: ghp_{secret[:36]}\n")
    assert {file for file, _ in secrets(tmp_path)} == {"main.tf", "notes.md", "job.env", "key.pem", "conf.yaml"}
