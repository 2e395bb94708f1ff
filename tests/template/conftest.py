"""Copies, made by the real cookiecutter and cruft. The machinery is read from hooks/, which is no package."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "hooks"))
BIN = Path(sys.executable).parent
SOMEBODY = {"GIT_CONFIG_GLOBAL": str(Path(__file__).with_name("gitconfig")), "GIT_CONFIG_SYSTEM": os.devnull}
# who asks the network is not answered
NOBODY = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
NOBODY |= {"no_proxy": "", "NO_PROXY": "", "GIT_ALLOW_PROTOCOL": "file"}
# of what called the tests, and not for what they call: under make, make says where it is
CALLERS = ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL")
Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


def git(folder: Path, *words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=folder, text=True, env=os.environ | SOMEBODY).strip()


def files(folder: Path) -> dict[str, bytes]:
    """What a folder holds, but for git's own."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command of the environment in a folder, in a home of its own and without network, whatever its status."""

    def run(*words: object, folder: Path = tmp_path, **more: str) -> Done:
        own = {
            "HOME": str(tmp_path / "home"),
            "PWD": str(folder),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "TMPDIR": str(tmp_path / "tmp"),
        }
        own |= NOBODY
        Path(own["TMPDIR"]).mkdir(exist_ok=True)
        told = os.environ | SOMEBODY | own | more
        for name in CALLERS:
            told.pop(name, None)
        command = [str(word) for word in words]
        return subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, check=False, timeout=120)

    return run


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Callable[..., Path]:
    """Makes a project of these answers, and gives its folder."""

    def copy(template: Path = ROOT, into: Path = tmp_path, **answers: str) -> Path:
        told = [f"{key}={value}" for key, value in answers.items()]
        done = run("cookiecutter", "--no-input", "--default-config", template, *told, folder=into)
        assert done.returncode == 0, done.stderr
        [where] = [line for line in done.stdout.splitlines() if line.startswith("  cd ")]
        return into / shlex.split(where)[-1]

    return copy


@pytest.fixture(scope="session")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template that a test may change: this one, in a repository of its own."""
    folder = tmp_path_factory.mktemp("template") / "slipway"
    folder.mkdir()
    for name in git(ROOT, "ls-files", "-z").split("\0")[:-1]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "the template")
    return folder


@pytest.fixture
def template(moving: Path, tmp_path: Path) -> Path:
    """One for this test alone."""
    return shutil.copytree(moving, tmp_path / "slipway", symlinks=True)
