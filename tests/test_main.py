"""The command line: a table of verbs, quick to answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.__main__ import PIPELINE, RUNTIME, VERBS, main

ROOT = Path(__file__).resolve().parents[1]
QUIET = """
import slipway
import huggingface_hub.constants as hub
import mlflow.telemetry.utils as mlflow
print(hub.HF_HUB_DISABLE_TELEMETRY, mlflow.is_telemetry_disabled())
"""


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(verb.replace("_", "-") in out for verb in VERBS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from slipway.__main__ import main; before = set(sys.modules); main(['--help']); "
        "print(sorted(set(sys.modules) - before))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_no_library_tells_its_makers_what_is_done_with_it() -> None:
    # as on a laptop: MLflow keeps quiet in CI and under pytest
    laptop = {name: os.environ[name] for name in ("HOME", "PATH", "PYTHONPATH") if name in os.environ}
    out = subprocess.run([sys.executable, "-c", QUIET], env=laptop, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["True", "True"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_the_configuration_it_reads(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main([verb, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: slipway {verb.replace('_', '-')}")
    assert all(f"  {section}:" in out for section in VERBS[verb][2])


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_module(verb: str) -> None:
    assert (ROOT / "src" / "slipway" / "verbs" / f"{verb}.py").is_file()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["trian"], "no verb 'trian'; choose one of: compose, fetch"),
        (["fetch", "now"], "slipway fetch takes no argument 'now'"),
        (["fetch", "model.lr=1"], "only compute and tracking are choices of one run"),
    ],
)
def test_a_wrong_call_is_named(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(words) == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--help"],
        ["ui", "tracking.uri=http://user:pa=ss@127.0.0.1:9"],  # Hydra wants quotes around the =
        ["ui", "model.lr=http://user:pa=ss@127.0.0.1:9"],
    ],
)
def test_no_password_is_shown(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:pa=ss@127.0.0.1:9")
    main(words)
    captured = capsys.readouterr()
    assert "http://127.0.0.1:9" in (shown := captured.out + captured.err)
    assert "pa=ss" not in shown


def test_no_verb_is_an_error_and_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: slipway VERB" in capsys.readouterr().out


def test_the_table_of_stages_is_the_pipeline_of_dvc_yaml() -> None:
    import yaml

    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert list(stages) == list(PIPELINE)
    for name, stage in stages.items():
        read = [key for entry in stage["params"] for key in entry.get("resolved.yaml", [])]
        assert name == "compose" or read == [key for key in PIPELINE[name][2] if key not in RUNTIME]


def without_reader(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A verb that writes to a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [sys.executable, "-m", "slipway", *words],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)


@pytest.mark.parametrize("words", [["--help"], ["champion"], ["train", "--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_gone_ends_a_verb_as_in_a_shell(words: list[str], unbuffered: str) -> None:
    done = without_reader(*words, PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_pipe_that_closes_after_the_first_line_does_not_speak_either() -> None:
    command = f"'{sys.executable}' -m slipway train --help | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 141)  # 0 where all was written before head went
    assert done.stderr == ""


@pytest.mark.parametrize("words", [["--help"], ["champion"]])
def test_output_that_has_no_place_is_an_error_in_words(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "slipway", *words]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: standard output: no space is left there.\n")


def test_closed_output_is_no_error() -> None:
    command = f"'{sys.executable}' -m slipway --help >&-"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
