"""`make copy-test-full`: makes a project under another name, and runs its tasks in an environment of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("test", "demo", "rehearse")
ANSWERS = ("project_name=Ticket sorter 2", "github_owner=acme", "aws_region=eu-central-1", "licence=MIT")


def main(tasks: list[str]) -> int:
    """Make the copy, and run its tasks one after the other; returns the first status that is not 0."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        home.mkdir()
        subprocess.run(["cookiecutter", "--no-input", "--default-config", ROOT, *ANSWERS], cwd=folder, check=True)
        [project] = [path for path in Path(folder).iterdir() if path != home]
        told = {"SLIPWAY_DATASETS": str(ROOT.parent / "shared" / "datasets")} | os.environ
        own = {
            name.replace("SLIPWAY", "TICKET_SORTER_2", 1): value
            for name, value in told.items()
            if name not in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS")
        }
        own |= {"HOME": str(home), "PATH": own["PATH"].removeprefix(f"{ROOT / '.venv' / 'bin'}:")}
        for task in tasks or TASKS:
            print(f"== make {task}, in {project.name}", flush=True)
            if status := subprocess.run(["make", task], cwd=project, env=own, check=False).returncode:
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
