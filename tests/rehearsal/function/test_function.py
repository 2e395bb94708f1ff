"""`make lambda` runs the image where docker has it, else the function without docker, and ends with Ctrl-C."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from slipway.delivery.image.tag import image_tag
from slipway.rehearsal.function.emulator import LAMBDA, invoke
from slipway.rehearsal.function.rie import emulator

ROOT = Path(__file__).resolve().parents[3]
# an engine that has IMAGE: what `run` is told it leaves in WORDS, and the image is this project's code
DOCKER = """import os, socket, sys
from pathlib import Path

if sys.argv[1:3] == ["image", "inspect"]:
    sys.exit(sys.argv[3] != os.environ["IMAGE"])
Path(os.environ["WORDS"]).write_text("\\n".join(sys.argv[1:]))
if os.environ.get("FULL"):
    sys.exit("docker: no space left on device.")
port = next(word for word in sys.argv if word.startswith("--publish=")).split(":")[1]
with socket.create_server(("127.0.0.1", 0)) as listener:
    api = listener.getsockname()[1]
os.chdir("{code}")
addresses = ["--runtime-interface-emulator-address", "127.0.0.1:" + port, "--runtime-api-address", f"127.0.0.1:{{api}}"]
os.execv("{rie}", ["{rie}", *addresses, "{python}", "-m", "awslambdaric", "app.handler"])
"""


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """A folder with a docker command."""
    path = tmp_path / "bin" / "docker"
    path.parent.mkdir()
    code = path.with_name("docker.py")
    code.write_text(DOCKER.format(python=sys.executable, code=LAMBDA, rie=emulator()))
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(code)])} "$@"\n')
    path.chmod(0o755)
    return path.parent


@contextmanager
def make_lambda(bundle: Path, path: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`make lambda` over a bundle, with the commands of `path`; yields it, and what it said before it waited."""
    process = subprocess.Popen(
        [sys.executable, "-m", "slipway.rehearsal.function", str(bundle)],
        cwd=ROOT,
        env=os.environ | {"PATH": str(path)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C ends it" in line:
            break
    try:
        yield process, said
    finally:
        process.kill()
        process.communicate(timeout=30)


def address(said: str) -> tuple[str, int]:
    """The line that says what runs, and its port."""
    found = re.search(
        r"^(.+), under AWS's Runtime Interface Emulator: http://127\.0\.0\.1:(\d+)/2015-", said, re.MULTILINE
    )
    assert found is not None, said
    return found[1], int(found[2])


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_without_docker_the_code_runs_until_it_is_ended(
    shipped: Path, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    with make_lambda(shipped, tmp_path, SLIPWAY_CAPTURE_RATE="1") as (process, said):
        what, port = address(said)
        assert what == f"lambda/ without docker, with {shipped}"
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) == 2
        assert len(invoke(port, {"texts": ["a sentence"]})["predictions"]) == 1
        process.send_signal(number)
        log = process.communicate(timeout=30)[0]
        assert process.returncode == status
    assert '"message":"answered"' in log
    assert '"capture":1' in log, "the settings of the caller did not arrive"
    assert psutil.wait_procs(started, timeout=10)[1] == []


def test_the_curl_line_that_it_prints_works(shipped: Path, tmp_path: Path) -> None:
    with make_lambda(shipped, tmp_path) as (_, said):
        (line,) = [line for line in said.splitlines() if line.startswith("  curl ")]
        answer = subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True, timeout=30).stdout
    assert len(json.loads(answer)["predictions"][0]["alternatives"]) == 3


def test_a_damaged_bundle_is_told_at_once(bundle: Path, tmp_path: Path) -> None:
    (bundle / "tokenizer.json").write_text("{}")
    with make_lambda(bundle, tmp_path / "nothing") as (process, said):
        assert process.wait(timeout=30) == 1
    wrong = "was altered: its SHA-256 is not the manifest's. Make or fetch the bundle anew."
    assert said == f"error: {bundle}/tokenizer.json {wrong}\n"


def test_an_image_of_this_code_and_bundle_is_run_as_lambda_would(
    shipped: Path, tmp_path: Path, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    image, words = f"slipway-serve:{image_tag(shipped)}", tmp_path / "words"
    told = {
        "IMAGE": image,
        "WORDS": str(words),
        "SLIPWAY_BUNDLE": str(shipped),
        "SLIPWAY_PAGE": "1",
    }
    with make_lambda(shipped, docker, **told) as (process, said):
        what, port = address(said)
        assert what == f"the image {image}"
        assert len(invoke(port, {"texts": ["a sentence"]})["predictions"]) == 1
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert psutil.wait_procs(started, timeout=10)[1] == []
    run = words.read_text().splitlines()
    assert (run[0], run[-1]) == ("run", image)
    confined = {"--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--rm"}
    page = "--env=SLIPWAY_PAGE=1"
    assert confined | {"--user=65534:65534", page, f"--publish=127.0.0.1:{port}:8080"} <= set(run)
    assert [word for word in run if word.startswith("--env")] == [page]


def test_the_image_of_another_bundle_is_not_run(shipped: Path, tmp_path: Path, docker: Path) -> None:
    told = {"IMAGE": "slipway-serve:0123456789abcdef", "WORDS": str(tmp_path / "words")}
    with make_lambda(shipped, docker, **told) as (_, said):
        assert address(said)[0].startswith("lambda/ without docker")
    assert not (tmp_path / "words").exists()


def test_an_engine_that_cannot_run_it_has_the_word(
    shipped: Path, tmp_path: Path, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    image = f"slipway-serve:{image_tag(shipped)}"
    with make_lambda(shipped, docker, IMAGE=image, WORDS=str(tmp_path / "words"), FULL="1") as (process, said):
        assert process.wait(timeout=30) == 1
    assert said == f"docker: no space left on device.\nerror: docker could not run {image}: it says why above.\n"
