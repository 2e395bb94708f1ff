"""`dvc repro` runs what a change touches, and nothing else."""

import json
import subprocess

import pytest
import yaml
from tests.pipeline.conftest import ORDER, Project

AFTER_TRAIN = ["train", "package", "evaluate", "gate"]

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _as_it_was(project: Project):  # type: ignore[no-untyped-def]
    yield
    project.order(ORDER)
    project.run("git", "checkout", "--quiet", "conf")
    project.run("dvc", "repro", "--quiet")


def test_the_pipeline_leaves_a_gated_bundle_and_a_report(project: Project) -> None:
    assert json.loads(project.read("reports/gate.json"))["verdict"] in ("promote", "keep", "block")
    assert "<html" in project.read("reports/report.html")
    manifest = json.loads(project.read("models/bundle/manifest.json"))
    assert manifest["labels"] == ["business", "entertainment", "health", "technology"]
    answer = project.run("slipway", "predict", "Fed raises interest rates, stocks fall")
    assert "business" in answer
    summary = project.run("slipway", "summary")
    for shown in ("accuracy", "macro-F1", "parity", "size", "latency", "verdict", "Next:"):
        assert shown in summary


def test_a_second_repro_runs_nothing(project: Project) -> None:
    output = project.run("dvc", "repro")
    assert project.ran(output) == []
    assert project.run("dvc", "status").strip() == "Data and pipelines are up to date."


def test_a_comment_in_conf_runs_compose_only(project: Project) -> None:
    with (project.folder / "conf" / "train" / "default.yaml").open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    assert project.ran(project.run("dvc", "repro")) == ["compose"]


def test_another_learning_rate_runs_train_and_what_follows(project: Project) -> None:
    project.order(ORDER + "  model.lr: 0.002\n")
    assert project.ran(project.run("dvc", "repro")) == ["compose", *AFTER_TRAIN]


def test_a_job_that_a_killed_dvc_left_is_found_and_not_trained_twice(project: Project) -> None:
    project.order(ORDER.replace("train.epochs: 2", "train: {epochs: 60, patience: null}"))
    first = subprocess.Popen(
        ["dvc", "repro", "train"],
        cwd=project.folder, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert first.stdout is not None
    job = next(line.split()[0] for line in first.stdout if line.startswith("slipway-"))
    first.kill()
    first.wait()  # a zombie would still hold its lock on the project
    again = project.run("dvc", "repro", "train")
    assert f"{job} runs already" in again
    folder = project.folder / ".slipway" / "jobs" / job.split("-")[-2]
    assert [log.name for log in folder.glob("log-*.txt")] == ["log-1.txt"]
    assert json.loads(project.read("models/train/train.json"))["epochs"] == 60
    assert "A later run of this folder waits" in first.communicate(timeout=60)[0]


def test_a_gate_value_trains_nothing(project: Project) -> None:
    project.order(ORDER + "  gate.budgets.size_mb: 300.0\n")
    assert set(project.ran(project.run("dvc", "repro"))) <= {"compose", "evaluate", "gate"}


def test_an_experiment_sets_group_and_value(project: Project) -> None:
    words = ("-S", "model=encoder", "-S", "++set.train.epochs=1", "-S", "++set.model.layers=1")
    project.run("dvc", "exp", "run", *words, "train")
    resolved = yaml.safe_load(project.read("resolved.yaml"))
    assert (resolved["model"]["kind"], resolved["train"]["epochs"]) == ("encoder", 1)
    assert json.loads(project.read("models/train/train.json"))["epochs"] == 1


def test_queued_experiments_each_get_their_values(project: Project) -> None:
    words = ("-S", "++set.train.epochs=1", "-S", "++set.model.lr=0.001,0.004")
    project.run("dvc", "exp", "run", "--queue", *words, "train")
    project.run("dvc", "exp", "run", "--run-all")
    table = json.loads(project.run("dvc", "exp", "show", "--json"))
    rates = set()
    for commit in table:
        for experiment in commit.get("experiments") or []:
            for revision in experiment["revs"]:
                parameters = (revision["data"] or {}).get("params", {}).get("resolved.yaml", {}).get("data", {})
                rates.add(parameters.get("model", {}).get("lr"))
    assert {0.001, 0.004} <= rates


def test_a_queued_experiment_takes_a_file_that_is_committed_and_names_one_that_is_not(project: Project) -> None:
    own = project.folder / "data" / "local" / "own.tsv"
    own.write_text(project.read("data/local/news.tsv"), encoding="utf-8")
    project.order(ORDER.replace("local/news.tsv", "local/own.tsv"))
    queue = ("dvc", "exp", "run", "--queue", "-S", "++experiment=quick", "fetch")
    run_all = ("dvc", "exp", "run", "--run-all")
    project.run(*queue)
    told = project.run(*run_all)
    assert "data/local/own.tsv is missing: a queued experiment sees only what git or DVC tracks" in told
    project.run("dvc", "queue", "remove", "--all")
    project.run("git", "add", "data/local/own.tsv")
    project.run("git", "commit", "--quiet", "-m", "Bring my own")
    project.run(*queue)
    assert "fetched 2,000 rows" in project.run(*run_all)
    own.unlink()


def test_a_failing_compose_stops_the_pipeline_and_changes_nothing(project: Project) -> None:
    before = project.read("resolved.yaml")
    project.order(ORDER + "  model.lr: -1.0\n")
    output = project.run("dvc", "repro", status=255)
    assert "model.lr: Input should be greater than 0" in output
    assert project.read("resolved.yaml") == before
    assert project.run("slipway", "compose", status=2).startswith("error: params.yaml:")
