"""The copies that are tested, and an environment for each that takes no minutes to install."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.template.conftest import BIN, CALLERS, ROOT, SOMEBODY

E_ACUTE = "\N{LATIN SMALL LETTER E WITH ACUTE}"
# names of each kind, and each choice of each prompt; the checks of each run in a folder that is called as it is here
ROWS = {
    "spaces": {"project_name": "News sorter", "licence": "MIT"},
    "capitals": {"project_name": "NEWS", "licence": "Proprietary"},
    "digits": {"project_name": "Sorter 2000", "aws_region": "eu-central-1"},
    f"letters with accents, as {E_ACUTE}": {
        "project_name": f"Caf{E_ACUTE} R{E_ACUTE}sum{E_ACUTE}",
        "visibility": "public",
    },
    "no letter of ours": {"project_name": "\N{CJK UNIFIED IDEOGRAPH-5317}", "project_slug": "beijing"},
    "hyphens": {"project_name": "a-b-c-d", "compute": "container"},
    "underscores": {"project_name": "my_own_sorter", "compute": "sagemaker"},
    "longest": {"project_name": "w" * 60, "project_slug": f"{'long' * 7}-abc"},
    "shortest": {"project_name": "abq", "example_data": "csv"},
    "marks": {"project_name": "R&D (texts), v1.0", "github_owner": "acme-inc"},
    "another repository": {"project_name": "Texts", "github_repository": "texts.ML_v2"},
    "holds the name of another": {"project_name": "from import", "project_slug": "train-src"},
}
# all but one lie elsewhere, and are somebody's
ELSEWHERE = {"github_owner": "acme", "aws_region": "eu-west-1"}
MATRIX: dict[str, dict[str, str]] = {"as it is": {}} | {row: ELSEWHERE | answers for row, answers in ROWS.items()}
# what reads workflows, Terraform, documents and settings as they lie there
CORE = ("aws", "docker", "workflows", "test_docs.py", "test_dvc_yaml.py", "test_files.py", "test_main.py")


def environment(folder: Path) -> dict[str, str]:
    """Lay an environment of a copy's own over this one: the copy is installed, and of the template nothing is seen.

    Returns the variables of a process that runs in it.
    """
    own = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", own], check=True)
    [packages] = own.glob("lib/python*/site-packages")
    # the files of this kind that lie there, as the one that leads to the template, are not read again
    (packages / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    install = [
        BIN / "uv",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--python",
        own / "bin/python",
    ]
    subprocess.run([*install, "--editable", folder], check=True)
    for tool in BIN.iterdir():
        if tool.name == "slipway" or tool.is_dir() or (mine := own / "bin" / tool.name).exists():
            continue
        first, _, rest = tool.read_bytes().partition(b"\n")
        # a script's first line names its Python, and with it what it may import: by the shell, for a path with spaces
        if first.startswith(f"#!{BIN}/".encode()):
            shell = f"#!/bin/sh\n'''exec' '{own / 'bin/python'}' \"$0\" \"$@\"\n' '''\n"
            mine.write_bytes(shell.encode() + rest)
            mine.chmod(0o755)
        else:
            mine.symlink_to(tool)
    (own / ".installed").touch()
    if (ROOT / ".node").is_dir():
        (folder / ".node").symlink_to(ROOT / ".node")
    data = {"SLIPWAY_DATASETS": str(ROOT.parent / "shared" / "datasets")}
    told = data | os.environ | SOMEBODY | {"PATH": f"{own / 'bin'}:{os.environ['PATH']}"}
    for name in CALLERS:
        told.pop(name, None)
    for name in [each for each in told if each.startswith(("COV_CORE_", "COVERAGE_", "PYTEST_"))]:
        del told[name]
    ours = [name for name in told if name.startswith("SLIPWAY_")]
    theirs = {name.replace("SLIPWAY", folder.name.replace("-", "_").upper(), 1): told.pop(name) for name in ours}
    return told | theirs
