"""The job `pipeline` of ci.yml is not replayed in a rehearsal: here its commands run."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.pipeline.conftest import ROOT, Project

OWN = """\
data: csv
model: pretrained
experiment: quick
set: {data.name: mine, train.epochs: 50}
"""


@pytest.mark.slow
def test_the_pipeline_runs_in_ci_whatever_a_branch_asks_for(
    new_project: Callable[[Path], Project], tmp_path: Path
) -> None:
    project = new_project(tmp_path)
    project.order(OWN)
    (tmp_path / "champion.json").write_text('{"bundle": "0123456789abcdef0123456789abcdef.dir"}\n', encoding="utf-8")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for step in workflow["jobs"]["pipeline"]["steps"] if "run" in step]
    assert "dvc repro" in commands
    for command in commands:
        said = project.run("bash", "-e", "-c", command)
    assert "aws_docs" in said
    assert (tmp_path / "models" / "bundle" / "manifest.json").is_file()
