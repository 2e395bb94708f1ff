"""A job in a container is a job of this machine: it is followed, stopped and collected alike.

Without an engine a stand-in for the docker command runs `docker/train` as a process; with SLIPWAY_DOCKER set it is the
real one, and the image that `make image-train` built.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.compute import container
from slipway.compute.backend import Inputs
from slipway.compute.container import Log, environment, ready, worker
from slipway.compute.folder import JobFolder
from slipway.compute.image import image_tag
from slipway.compute.local import Local
from slipway.errors import UserError
from slipway.training.layout import Job

ROOT = Path(__file__).resolve().parents[2]
REAL = bool(os.environ.get("SLIPWAY_DOCKER"))
COMMANDS = {
    "docker": 'exec "{python}" "{stand_in}" "$@"',
    "no engine": 'echo "Cannot connect to the Docker daemon at unix:///docker.sock." >&2; exit 1',
    "no compose": '[ "$1" != compose ]',
}


def install(folder: Path, command: str) -> Path:
    """The folder, with a docker command in it."""
    folder.mkdir(exist_ok=True)
    stand_in = Path(__file__).with_name("docker_stand_in.py")
    text = COMMANDS[command].format(python=sys.executable, stand_in=stand_in)
    (folder / "docker").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "docker").chmod(0o755)
    return folder


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Containers can run, and the image is built; the folder holds the last compose file."""
    monkeypatch.chdir(ROOT)
    state = tmp_path / "engine"
    state.mkdir()
    if not REAL:
        monkeypatch.setenv("STAND_IN_FOLDER", str(state))
        monkeypatch.setenv("STAND_IN_TRAIN", str(ROOT / "docker" / "train"))
        monkeypatch.setenv("STAND_IN_IMAGES", f"slipway-train:{image_tag('cpu')}")
        monkeypatch.setenv("PATH", f"{install(tmp_path / 'bin', 'docker')}{os.pathsep}{os.environ['PATH']}")
    return state


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails where the SDK has a word with anyone: whoever it calls, it calls this first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, address)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.slow
def test_a_job_trains_in_a_container_as_it_does_without(
    job_of: Callable[..., Job], tmp_path: Path, prepared: Path, engine: Path, silence: None, monkeypatch: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "NOT-FOR-THE-CONTAINER")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    inside = Local(JobFolder("0" * 16, tmp_path), worker("cpu"))
    assert inside.submit(job_of(), Inputs(prepared, None, "http://tracking.example/a$b"))
    log = list(inside.follow())
    assert inside.status() == "done", log
    assert sum(line.startswith("epoch") for line in log) == 3
    outside = Local(JobFolder("1" * 16, tmp_path))
    outside.submit(job_of(digits="1"), Inputs(prepared, None, None))
    assert list(outside.follow())
    one, other = (each.layout.model / "model.safetensors" for each in (inside, outside))
    assert one.read_bytes() == other.read_bytes()
    assert not (inside.folder.path / "container").exists()
    if not REAL:
        composed = (engine / "compose.yaml").read_text()
        (service,) = yaml.safe_load(composed)["services"].values()
        assert service["image"] == f"slipway-train:{image_tag('cpu')}"
        assert {mount.split(":")[1].removeprefix("/opt/ml/") for mount in service["volumes"]} == {
            *("input", "input/data/code", "input/data/prepared", "input/data/checkpoints"),
            *("model", "output", "output/data"),
        }
        assert "MLFLOW_TRACKING_URI=http://tracking.example/a$$b" in service["environment"]
        assert "NOT-FOR" not in composed


@pytest.mark.slow
def test_a_container_that_is_stopped_leaves_a_checkpoint_and_goes_on(
    job_of: Callable[..., Job], tmp_path: Path, prepared: Path, engine: Path
) -> None:
    backend = Local(JobFolder("2" * 16, tmp_path), worker("cpu"))
    job = job_of(digits="2", epochs=300).model_copy(update={"processes": 2})
    backend.submit(job, Inputs(prepared, None, None))
    lines = backend.follow()
    assert next(line for line in lines if line.startswith("epoch"))
    backend.stop()
    assert any("as asked" in line for line in list(lines))
    assert backend.status() == "stopped"
    (kept,) = backend.layout.checkpoints.glob("step-*")
    assert kept.lstat().st_uid == os.getuid()
    backend.submit(job, Inputs(prepared, None, None))
    lines = backend.follow()
    assert not next(line for line in lines if line.startswith("epoch")).startswith("epoch   1 ")
    backend.stop()
    assert list(lines)


@pytest.mark.slow
def test_a_second_clone_leaves_the_first_one_s_container_alone(
    job_of: Callable[..., Job], tmp_path: Path, prepared: Path, engine: Path
) -> None:
    first, second = (Local(JobFolder("5" * 16, tmp_path / name), worker("cpu")) for name in ("first", "second"))
    for backend in (first, second):
        assert backend.submit(job_of(digits="5", epochs=3000), Inputs(prepared, None, None))
        assert next(line for line in backend.follow() if line.startswith("epoch"))
    projects = [container.project_name(backend.layout) for backend in (first, second)]
    assert len({number for project in projects for number in container.containers(project, "running")}) == 2
    first.stop()
    assert any("as asked" in line for line in list(first.follow()))
    assert second.status() == "running"
    second.stop()
    assert any("as asked" in line for line in list(second.follow()))


@pytest.mark.slow
def test_a_container_that_fails_says_why(
    job_of: Callable[..., Job], tmp_path: Path, prepared: Path, engine: Path
) -> None:
    job = job_of("encoder", model={"lr": 1.0}, weight_decay=10.0, clip_norm=None, epochs=60, digits="3")
    backend = Local(JobFolder("3" * 16, tmp_path), worker("cpu"))
    backend.submit(job, Inputs(prepared, None, None))
    assert any("error: the loss is not a number" in line for line in list(backend.follow()))
    said = r"slipway-3+-1 failed: the loss is not a number at step"
    with pytest.raises(UserError, match=said):
        backend.collect()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (None, r"docker is missing: install it .*SLIPWAY_COMPUTE=local"),
        (
            "no engine",
            r"engine does not answer \(Cannot connect to the Docker daemon.*\): start it, .*SLIPWAY_COMPUTE=local",
        ),
        ("no compose", r"docker compose is missing: install it .*SLIPWAY_COMPUTE=local"),
    ],
)
def test_what_a_container_needs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str | None, said: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path if command is None else install(tmp_path / "bin", command)))
    with pytest.raises(UserError, match=said):
        ready("slipway-train:1-cpu")


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_an_image_that_is_not_built_is_named_with_what_builds_it(engine: Path, device: str) -> None:
    with pytest.raises(
        UserError, match=f"image nobody/train:1-{device} is missing: `make image-train DEVICE={device}`"
    ):
        ready(f"nobody/train:1-{device}")


def test_a_job_whose_image_is_gone_fails_in_words(
    job_of: Callable[..., Job], tmp_path: Path, prepared: Path, engine: Path
) -> None:
    image = "slipway-train:gone-cpu"
    gone = (sys.executable, "-m", "slipway.compute.container", image)
    backend = Local(JobFolder("4" * 16, tmp_path), gone)
    backend.submit(job_of(digits="4"), Inputs(prepared, None, None))
    said = f"error: the image {image} is missing: `make image-train DEVICE=cpu` builds it."
    assert list(backend.follow()) == [said]
    assert backend.status() == "failed"


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("", None),
        ("sqlite:////home/me/mlflow.db", None),
        ("http://127.0.0.1:5000", None),
        ("http://localhost:5000", None),
        ("https://mlflow.example", "https://mlflow.example"),
    ],
)
def test_a_container_hears_of_a_server_that_it_can_reach(
    monkeypatch: pytest.MonkeyPatch, uri: str, told: str | None
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert environment().get("MLFLOW_TRACKING_URI") == told


def test_a_log_is_the_one_that_training_wrote(capfd: pytest.CaptureFixture[str]) -> None:
    log = Log()
    log.write("Attaching to algo-1-1\n")
    log.write("\x1b[36malgo-1-1  |\x1b[0m epoch   1  step 13/39\n")
    log.write("\x1b[36malgo-1_1  |\x1b[0m \n")
    assert capfd.readouterr().out == "Attaching to algo-1-1\nepoch   1  step 13/39\n\n"
    assert log.lines == 2
    assert container.device_of("registry:5000/train:0-gpu") == "gpu"
