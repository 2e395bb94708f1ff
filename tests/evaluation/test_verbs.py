"""`slipway evaluate`, `gate` and `champion` on a project folder with real headlines and a real bundle."""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from slipway.__main__ import main
from slipway.data.encode import write_prepared
from slipway.evaluation.champion import write_champion
from slipway.predictor import Predictor
from slipway.training.epoch import EpochMetrics
from slipway.training.history import to_csv

ROOT = Path(__file__).resolve().parents[2]
CARD = {"owner": "news desk", "intended_use": "Sorts headlines.", "limits": "English headlines."}
HISTORY = [
    EpochMetrics(1, 10, 0.001, 1.0, 0.8, 0.7, math.inf, 1e5, 1.0),
    EpochMetrics(2, 20, 0.001, 0.5, 0.9, 0.8, 0.6, 1e5, 2.0),
]
Make = Callable[[pd.DataFrame, Path], Path]


def configure(folder: Path, **changes: object) -> None:
    """Write resolved.yaml with the gate's default values and some changed."""
    default = yaml.safe_load((ROOT / "conf" / "gate" / "default.yaml").read_text(encoding="utf-8"))
    others = {"data": {"name": "news", "about": "News of 2014."}, "model": {"kind": "linear"}, "train": {"seed": 0}}
    (folder / "resolved.yaml").write_text(yaml.safe_dump({"gate": default | changes, "card": CARD, **others}))


@pytest.fixture(scope="module")
def made(news, bundle: Path, package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which everything up to `package` is done; the training rows are too few to beat the bundle."""
    folder = tmp_path_factory.mktemp("made")
    parts = {"train": news.train.head(2000), "validation": news.train.tail(200), "test": news.test}
    table = pd.concat([rows.assign(split=split) for split, rows in parts.items()], ignore_index=True)
    table["fingerprint"] = [f"{row:08}" for row in range(len(table))]
    prepared = folder / "data" / "prepared"
    prepared.mkdir(parents=True)
    write_prepared(prepared, table, Predictor(bundle)._tokenizer, 64)
    shutil.copytree(bundle, folder / "models" / "bundle")
    (folder / "models" / "package.json").write_text(json.dumps(package))
    (folder / "models" / "train").mkdir()
    (folder / "models" / "train" / "history.csv").write_text(to_csv(HISTORY))
    (folder / "models" / "train" / "train.json").write_text('{"job": "0123"}')
    shutil.copytree(ROOT / "conf", folder / "conf")
    write_champion(None, folder / "champion.json")
    configure(folder)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that project, entered."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SLIPWAY_OVERRIDES", "tracking=off")
    return folder


@pytest.fixture
def make(make_bundle: Callable[..., Path]) -> Make:
    return lambda rows, folder: make_bundle(rows["text"].tolist(), rows["label"].tolist(), folder)


def verdict() -> dict[str, object]:
    return dict(json.loads(Path("reports/gate.json").read_text()))


def test_evaluate_writes_all_reports_and_two_runs_agree_byte_for_byte(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate"]) == 0
    reports = project / "reports"
    first = {path: path.read_bytes() for path in reports.rglob("*") if path.is_file()}
    names = {"metrics.json", "report.html", "model_card.md", "predictions.parquet", "plots"}
    assert {path.name for path in reports.iterdir()} == names
    plots = {"confusion", "per_class", "reliability", "slices", "history"}
    assert {path.stem for path in (reports / "plots").iterdir()} == plots
    assert "macro-F1" in capsys.readouterr().out
    assert main(["evaluate"]) == 0
    assert first == {path: path.read_bytes() for path in first}


def test_latency_shows_in_the_report_and_never_in_metrics_json(project: Path, package) -> None:
    main(["evaluate"])
    before = (project / "reports" / "metrics.json").read_bytes()
    slower = package | {"latency_ms": package["latency_ms"] | {"batch_1": {"p50": 50.0, "p90": 77.0}}}
    (project / "models" / "package.json").write_text(json.dumps(slower))
    main(["evaluate"])
    assert (project / "reports" / "metrics.json").read_bytes() == before
    assert "77.00 ms" in (project / "reports" / "report.html").read_text()


def test_a_model_above_the_baseline_is_promoted_and_the_report_says_the_same(project: Path) -> None:
    main(["evaluate"])
    assert main(["gate"]) == 0
    assert verdict()["verdict"] == "promote"
    page = (project / "reports" / "report.html").read_text()
    assert '<header class="promote">' in page
    assert page.count("<li>") == len(verdict()["reasons"]) == 2


def test_a_model_below_the_baseline_is_blocked_and_fails_only_where_enforced(
    project: Path, news, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(project / "models" / "bundle")
    make(news.train.head(300), project / "models" / "bundle")
    main(["evaluate"])
    assert main(["gate"]) == 0
    assert "BLOCK" in capsys.readouterr().out
    assert verdict()["verdict"] == "block"
    assert str(verdict()["reasons"][0]).startswith("Worse than the baseline")
    configure(project, enforce=True)
    assert main(["gate"]) == 1
    assert verdict()["verdict"] == "block"


def dvc(*words: str) -> None:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run([sys.executable, "-m", "dvc", *words], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_champion_in_the_cache_is_what_the_model_must_beat(project: Path, news, make: Make) -> None:
    champion = make(news.train, project / "champion")
    shutil.rmtree(project / "models" / "bundle")
    make(news.train.head(2500), project / "models" / "bundle")
    dvc("init", "-q", "--no-scm")
    dvc("add", "-q", "champion")
    (out,) = yaml.safe_load(Path("champion.dvc").read_text())["outs"]
    write_champion(out["md5"])
    shutil.rmtree(champion)
    main(["evaluate"])
    main(["gate"])
    assert verdict()["champion"] == out["md5"]
    assert verdict()["verdict"] == "block"
    assert str(verdict()["reasons"][0]).startswith("Worse than the champion")


def test_a_champion_that_this_code_cannot_read_is_an_error_that_names_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("models/bundle", "champion")
    with Path("champion/model.onnx").open("ab") as file:
        file.write(b"x")
    dvc("init", "-q", "--no-scm")
    dvc("add", "-q", "champion")
    write_champion(yaml.safe_load(Path("champion.dvc").read_text())["outs"][0]["md5"])
    assert main(["evaluate"]) == 2
    error = capsys.readouterr().err
    assert "champion.json: the bundle" in error
    assert "model.onnx was altered" in error
    assert not (project / "reports").exists()


def test_a_flipped_byte_in_the_bundle_stops_evaluate_by_name_and_keeps_the_old_reports(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["evaluate"])
    before = (project / "reports" / "metrics.json").read_bytes()
    content = bytearray(Path("models/bundle/model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    Path("models/bundle/model.onnx").write_bytes(content)
    assert main(["evaluate"]) == 2
    assert "model.onnx was altered" in capsys.readouterr().err
    assert (project / "reports" / "metrics.json").read_bytes() == before


@pytest.mark.parametrize(
    ("path", "verb", "message"),
    [
        ("models/package.json", "evaluate", "dvc repro package"),
        ("champion.json", "evaluate", "slipway champion REVISION"),
        ("resolved.yaml", "evaluate", "dvc repro compose"),
        ("reports/predictions.parquet", "gate", "dvc repro evaluate"),
        ("reports/metrics.json", "gate", "dvc repro evaluate"),
    ],
)
def test_a_missing_file_is_an_error_that_names_the_command(
    project: Path, path: str, verb: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if verb == "gate":
        main(["evaluate"])
    (project / path).unlink()
    assert main([verb]) == 2
    error = capsys.readouterr().err
    assert path in error
    assert message in error


def test_a_damaged_result_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models" / "package.json").write_text("{")
    assert main(["evaluate"]) == 2
    assert "models/package.json is damaged" in capsys.readouterr().err


def test_champion_shows_and_takes_the_bundle_of_a_revision(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = "0123456789abcdef" * 2 + ".dir"
    assert main(["champion"]) == 0
    assert "There is no champion" in capsys.readouterr().out
    lock = {"stages": {"package": {"outs": [{"path": "models/bundle", "md5": digest}]}}}
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "dvc.lock"], [*identity, "commit", "-q", "-m", "Train"]):
        subprocess.run(["git", *words], check=True)
    assert main(["champion", "main"]) == 0
    assert digest in capsys.readouterr().out
    assert json.loads(Path("champion.json").read_text()) == {"bundle": digest}
    assert main(["champion", "main", "main"]) == 2
    assert main(["champion", "elsewhere"]) == 2
    assert json.loads(Path("champion.json").read_text()) == {"bundle": digest}


def test_damaged_predictions_or_history_are_named_with_the_stage_that_writes_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["evaluate"])
    history = project / "models" / "train" / "history.csv"
    for content in ("", "garbage", "epoch,step\n1,2\n", to_csv(HISTORY).replace("inf", "much")):
        history.write_text(content)
        for stage in ("evaluate", "gate"):
            assert main([stage]) == 2
            error = capsys.readouterr().err
            assert "history.csv is damaged (" in error
            assert "`dvc repro -f -s train`" in error
    history.write_text(to_csv(HISTORY))
    (project / "reports" / "predictions.parquet").write_text("garbage")
    assert main(["gate"]) == 2
    assert "predictions.parquet is damaged (" in capsys.readouterr().err
