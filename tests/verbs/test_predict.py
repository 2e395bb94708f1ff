"""`slipway predict` answers from the bundle alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.errors import UserError
from slipway.verbs.predict import printable, run


@pytest.fixture
def project(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds a bundle and nothing else."""
    (bundle.parent / "models").mkdir()
    bundle.rename(bundle.parent / "models" / "bundle")
    monkeypatch.chdir(bundle.parent)
    return bundle.parent


def ask(*words: str, folder: Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "slipway", *words],
        cwd=folder,
        input=text,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"},
    )


def test_a_text_and_its_probabilities_are_shown(project: Path) -> None:
    done = ask("predict", "Hello, [bold]where[/bold] is my = card?", "what is the exchange rate", folder=project)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert lines[0] == "Hello, [bold]where[/bold] is my = card?"
    assert lines[6] == "what is the exchange rate"
    for first in (1, 7):
        rows = lines[first : first + 5]
        shares = [float(row.split()[-1].rstrip("%")) for row in rows]
        assert shares == sorted(shares, reverse=True)
        assert "━" in rows[0]


def test_texts_come_from_standard_input_too(project: Path) -> None:
    text = "\N{BYTE ORDER MARK}where is my card\r\n\r\nit is \N{SNOWMAN}\n".encode() + b"\xff broken\n"
    done = ask("predict", folder=project, text=text)
    out = done.stdout.decode()
    assert done.returncode == 0
    assert out.startswith("where is my card\n")
    assert "it is \N{SNOWMAN}\n" in out
    assert "\N{REPLACEMENT CHARACTER} broken\n" in out
    assert len(out.splitlines()) == 18


def test_a_text_that_is_cut_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["card " * 100, "card"])
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("(cut to the model's length)") == 1


def test_it_needs_neither_torch_nor_the_pipeline(project: Path) -> None:
    program = (
        "import sys; from slipway.verbs.predict import run; run(['my card']); "
        "print(sorted({'torch', 'onnx', 'pandas', 'hydra', 'pydantic', 'mlflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_text_is_an_error(project: Path) -> None:
    done = ask("predict", folder=project, text=b" \n\n")
    assert done.returncode == 2
    assert done.stderr.decode().startswith('error: no text: `slipway predict "some text"`')


def test_closed_input_is_as_no_text(project: Path) -> None:
    command = f"'{sys.executable}' -m slipway predict <&-"
    done = subprocess.run(["bash", "-c", command], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no text: ")


def test_a_reader_who_has_gone_ends_it_as_in_a_shell(project: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "slipway", "predict", "a", "b"]
    done = subprocess.run(command, cwd=project, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_that_has_no_place_is_an_error_in_words(project: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "slipway", "predict", "my card"]
        done = subprocess.run(command, cwd=project, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: standard output: no space is left there.\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hlp"], "no option '--hlp'; a text that begins with - stands after --"),
        (["my card", "-x"], "no option '-x'"),
        ([""], "an empty text has no class"),
        (["my card", " \t "], "an empty text has no class"),
        (["--", ""], "an empty text has no class"),
    ],
)
def test_what_is_no_text_is_refused(project: Path, words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(words)


def test_after_two_dashes_every_word_is_a_text(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["my card", "--", "-5 euros", "--"])
    texts = capsys.readouterr().out.splitlines()[::6]
    assert texts == ["my card", "-5 euros", "--"]


def test_after_two_dashes_help_is_a_text(project: Path) -> None:
    done = ask("predict", "--", "--help", folder=project)
    assert done.stdout.startswith(b"--help\n")


def test_a_terminal_that_cannot_write_a_sign_shows_another(project: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    text = "\N{LATIN SMALL LETTER U WITH DIAERESIS}ber"
    command = [sys.executable, "-m", "slipway", "predict", text]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"?ber\n")


def test_no_bundle_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    done = ask("predict", "my card", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("error: models/bundle is missing: `dvc repro package` makes it")


def test_a_damaged_bundle_is_an_error_that_names_the_file(project: Path) -> None:
    path = project / "models" / "bundle" / "model.onnx.data"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(UserError, match=r"models/bundle/model\.onnx\.data was altered.*dvc checkout models/bundle"):
        run(["my card"])


def test_nothing_that_steers_a_terminal_is_printed() -> None:
    assert printable("a\x1b[31mb\0\udc80") == "a\N{REPLACEMENT CHARACTER}[31mb" + 2 * "\N{REPLACEMENT CHARACTER}"
    assert printable("مرحبا \N{GRINNING FACE}") == "مرحبا \N{GRINNING FACE}"
