"""checkov, from the environment that `make test-slow` makes for it, and what its packages know of AWS."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slipway.rehearsal.aws.account import ROOT

ENVIRONMENT = ROOT / ".venv-checkov"
Scan = Callable[..., dict[str, list[dict[str, Any]]]]


@pytest.fixture(scope="session")
def installed() -> Path:
    """The folder of checkov's environment; skips where there is none."""
    if not (ENVIRONMENT / "bin" / "checkov").exists():
        pytest.skip("checkov is not installed: `make .venv-checkov/.installed`")
    return ENVIRONMENT


@pytest.fixture(scope="session")
def scan(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """Runs checkov on a folder; returns its results by kind: failed_checks, skipped_checks, parsing_errors."""
    home = tmp_path_factory.mktemp("home")
    # it needs no network: what would ask for one is refused at once
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", **closed}

    def run(folder: Path, framework: str, *options: str) -> dict[str, list[dict[str, Any]]]:
        words = ["--directory", str(folder), "--framework", framework, "--skip-download", "--compact", "--output=json"]
        command = [str(installed / "bin" / "checkov"), *words, *options]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        told = json.loads(done.stdout)
        # it says less where it found nothing to look at
        return told.get("results", {}) | {"resource_count": told.get("summary", told)["resource_count"]}  # type: ignore[no-any-return]

    return run


@pytest.fixture(scope="session")
def secrets(installed: Path) -> Callable[[Path], set[tuple[str, str]]]:
    """Finds what looks like a key, password or token in a folder's files: file, and the SHA-1 of the value."""
    command = [str(installed / "bin" / "detect-secrets"), "scan", "--all-files", "--no-verify"]
    # a digest has as much entropy as a secret
    plugins = [f"--disable-plugin={kind}HighEntropyString" for kind in ("Base64", "Hex")]

    def find(folder: Path) -> set[tuple[str, str]]:
        done = subprocess.run([*command, *plugins], cwd=folder, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)["results"]
        return {(file, each["hashed_secret"]) for file, all_of_it in found.items() for each in all_of_it}

    return find
