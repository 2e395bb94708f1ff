"""The environments that variants run in: .slipway/peers/serve-NAME, pinned and hashed, made once.

They hold no pip and no setuptools, whose .pth file would slow every start; pip compiles what it installs to .pyc.
requirements/NAME.txt comes of requirements/NAME.in by `uv pip compile --universal --python-version 3.11 --no-annotate
--generate-hashes --no-header --constraint requirements.lock`, `floor` with `--no-deps` as lambda/requirements.txt is:
onnxruntime asks for packages that answering does not need. What needs torch runs in the project's own environment.
"""

import compileall
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVING = ROOT / "benchmarks" / "serving"
LAMBDA = ROOT / "lambda"
PEERS = ROOT / ".slipway" / "peers"
PROJECT = "project"  # where the project itself is installed
# Lambda's runtime interface client: AWS's image has it besides a function's own packages
RUNTIME = "runtime"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def python_of(name: str) -> Path:
    """The interpreter of an environment, which is made where it is missing or of other requirements."""
    if name == PROJECT:
        return Path(sys.executable)
    folder, requirements = PEERS / f"serve-{name}", requirements_of(name)
    made_of = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    mark, python = folder / "made-of.sha256", folder / "bin" / "python"
    if not mark.is_file() or mark.read_text() != made_of:
        print(f"making the environment {folder.relative_to(ROOT)} ...", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        pip = [*PIP, "--python", str(python), "install", "-qq", "--require-hashes", "--no-deps"]
        subprocess.run([*pip, "-r", requirements], check=True)
        mark.write_text(made_of)
    return python


def requirements_of(name: str) -> Path:
    """The pinned and hashed file that an environment is made of."""
    return LAMBDA / "requirements.txt" if name == "ours" else SERVING / "requirements" / f"{name}.txt"


def packages_of(name: str) -> Path:
    """The folder of an environment that holds its packages."""
    return next((python_of(name).parents[1] / "lib").glob("python3*")) / "site-packages"


def compile_sources() -> None:
    """Compile what no pip installs: the function and the peers."""
    for folder in (LAMBDA, SERVING):
        compileall.compile_dir(folder, quiet=1)


def environment(**more: str) -> dict[str, str]:
    """What a variant's process finds: the least, the same for all, and what is its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # as the function's image says: numpy's BLAS, which nothing here calls, is loaded faster without threads
    image = {"OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
    offline = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
    return kept | image | offline | more
