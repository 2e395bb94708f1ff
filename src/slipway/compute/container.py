"""Trains in the training image on this machine: what the backend `container` starts in place of a training process.

`python -m slipway.compute.container IMAGE FOLDER` runs the job of a folder through the local mode of SageMaker's SDK,
and leaves in it what training itself leaves there. SIGTERM reaches the container; a container that outlived a killed
worker is stopped before the next attempt.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from slipway.compute.folder import PROJECT
from slipway.compute.image import image_tag
from slipway.compute.sagemaker.upload import SOURCE, source
from slipway.config.tracking import is_told_elsewhere
from slipway.errors import UserError
from slipway.files import whole_folder, write_json, write_whole
from slipway.tracking import git_commit
from slipway.training.launch import STOPPED
from slipway.training.layout import DONE, Layout, reported

GRACE_SECONDS = 120  # what a checkpoint may take
CHANNELS = ("code", "prepared", "encoder")
PREFIX = re.compile(r"^algo-1\S* +\| ?")
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LOCAL = "or train without one: SLIPWAY_COMPUTE=local"


def worker(device: str) -> Sequence[str]:
    """The command that trains in a folder, which is its last argument: the backend `local` starts it."""
    image = f"{PROJECT}-train:{image_tag(device)}"
    return sys.executable, "-m", "slipway.compute.container", image


def ready(image: str) -> str:
    """The image's name. Raises UserError where docker, its compose or the image is missing, with what mends it."""
    if shutil.which("docker") is None:
        raise UserError(f"docker is missing: install it (https://docs.docker.com/engine/install), {LOCAL}.")
    if (said := docker("version", "--format", "{{.Server.Version}}")).returncode:
        raise UserError(f"docker's engine does not answer ({last(said.stderr)}): start it, {LOCAL}.")
    if docker("compose", "version").returncode and shutil.which("docker-compose") is None:
        raise UserError(f"docker compose is missing: install it (https://docs.docker.com/compose/install), {LOCAL}.")
    if docker("image", "inspect", image).returncode:
        raise UserError(f"the image {image} is missing: `make image-train DEVICE={device_of(image)}` builds it.")
    return image


def main(words: list[str]) -> int:
    """Run the job of a folder in a container; returns the exit status, as slipway.training.entry does."""
    image, layout = words[0], Layout(Path(words[1]))
    layout.failure.unlink(missing_ok=True)
    return reported(layout, lambda: run(ready(image), layout))


def run(image: str, layout: Layout) -> int:
    """Run a job until its container is gone, and bring home what it left."""
    project = project_name(layout)
    local = layout.root.parent / "container"
    with stopping(project) as asked:
        clear(project, image, local, layout.checkpoints)
        local.mkdir(mode=0o700)  # the compose file holds the environment
        layout.checkpoints.mkdir(exist_ok=True)
        write_whole(layout.channel("code") / SOURCE, source())
        failed, log = "", Log()
        try:
            if not asked():
                sys.stdout = log
                local_mode(image, layout, local, project)
        except RuntimeError as error:  # the SDK's word for an exit status that is not 0
            failed = str(error)
        finally:
            sys.stdout = sys.__stdout__
            rest(project, log.lines)
            give_back(image, local, layout.checkpoints)
    if (local / "model" / DONE).is_file() and not failed:
        with whole_folder(layout.model) as fresh:
            shutil.copytree(local / "model", fresh, dirs_exist_ok=True)
    if (reason := local / "artifacts" / "output" / "failure").is_file():
        layout.write_failure(reason.read_text(encoding="utf-8"))
    elif failed and not asked():
        print(failed, file=sys.stderr)
    clear(project, image, local, layout.checkpoints)
    return 0 if layout.done() else STOPPED if asked() else 1


def project_name(layout: Layout) -> str:
    """What compose knows the job by: the engine is one for all clones of a commit, whose jobs have the same hash."""
    place = hashlib.sha256(str(layout.root.resolve()).encode()).hexdigest()[:8]
    return f"{PROJECT}-{layout.read_job().hash}-{place}"


def clear(project: str, image: str, local: Path, checkpoints: Path) -> None:
    """Leave nothing of an attempt but its checkpoints; a container that still runs has time to write one."""
    stop(project)
    if found := containers(project):
        docker("rm", "--force", *found)
    give_back(image, local, checkpoints)
    shutil.rmtree(local, ignore_errors=True)


def local_mode(image: str, layout: Layout, local: Path, project: str) -> None:
    """Hand the job to the SDK, which keeps its files in `local`. Raises RuntimeError where the container failed."""
    config = local / "sdk.yaml"
    write_json(config, {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}})
    os.environ |= {
        # no settings of this user's other work, and no word to AWS
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config),
        "AWS_EC2_METADATA_DISABLED": "true",
        "COMPOSE_PROJECT_NAME": project,
    }
    # the SDK needs one to be set, and asks nobody there
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, InputData
    from sagemaker.train.model_trainer import Mode

    channels = [name for name in CHANNELS if layout.channel(name).is_dir()]
    inputs = [InputData(channel_name=name, data_source=str(layout.channel(name))) for name in channels]
    # it mounts no checkpoints: docker/train finds them among the inputs
    inputs.append(InputData(channel_name="checkpoints", data_source=str(layout.checkpoints)))
    trainer = ModelTrainer(
        training_mode=Mode.LOCAL_CONTAINER,
        training_image=image,
        compute=Compute(instance_type=f"local_{device_of(image)}", instance_count=1),
        input_data_config=inputs,
        hyperparameters=json.loads(layout.hyperparameters.read_text(encoding="utf-8")),
        environment=environment(),
        local_container_root=str(local),
    )
    trainer.train()


def environment() -> dict[str, str]:
    """What the container is told: the commit, and a tracking server that it can reach."""
    # docker gives 64 MB of shared memory, local mode asks for no more, and several GPUs would take it all
    told = {"SLIPWAY_GIT_COMMIT": git_commit(), "NCCL_SHM_DISABLE": "1"}
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith("http") and is_told_elsewhere(uri):
        told["MLFLOW_TRACKING_URI"] = uri
    # compose would take `$` for a variable
    return {key: value.replace("$", "$$") for key, value in told.items()}


@contextmanager
def stopping(project: str) -> Iterator[Callable[[], bool]]:
    """Hand SIGTERM and SIGINT on to the project's containers, also to one that is only about to start.

    Yields what answers whether a signal came.
    """
    asked, over = threading.Event(), threading.Event()

    def hand_on() -> None:
        asked.wait()
        while not over.wait(0.5):
            stop(project)

    threading.Thread(target=hand_on, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    try:
        yield asked.is_set
    finally:
        over.set()


class Log:
    """Standard output, without the name of the container that compose puts before each line."""

    def __init__(self) -> None:
        self.lines = 0  # of the container

    def write(self, text: str) -> int:
        """Write the SDK's lines at once."""
        for line in COLOUR.sub("", text).splitlines(keepends=True):
            self.lines += bool(PREFIX.match(line))
            os.write(1, PREFIX.sub("", line).encode())
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def rest(project: str, shown: int) -> None:
    """Print what a container said last: the SDK stops to read when it ends."""
    for container in containers(project):
        said = docker("logs", container)
        print("".join((said.stdout + said.stderr).splitlines(keepends=True)[shown:]), end="", flush=True)


def stop(project: str) -> None:
    """SIGTERM to each of the project's containers, and SIGKILL after the grace."""
    if found := containers(project, "running"):
        docker("stop", "--time", str(GRACE_SECONDS), *found)


def containers(project: str, status: str | None = None) -> list[str]:
    """The containers that compose started for a project."""
    filters = [f"label=com.docker.compose.project={project}", *([f"status={status}"] if status else [])]
    return docker("ps", "--all", "--quiet", *(f"--filter={each}" for each in filters)).stdout.split()


def give_back(image: str, *folders: Path) -> None:
    """Make this user the owner of what the container, which is root, wrote."""
    owner = f"{os.getuid()}:{os.getgid()}"
    for folder in folders:
        if any(path.lstat().st_uid != os.getuid() for path in folder.rglob("*")):
            docker("run", "--rm", "--volume", f"{folder}:/back", image, "chown", "--recursive", owner, "/back")


def docker(*words: str) -> subprocess.CompletedProcess[str]:
    """What the docker command says; it fails in silence."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)


def device_of(image: str) -> str:
    """cpu or gpu, where the tag ends."""
    return image.rpartition("-")[2]


def last(text: str) -> str:
    """The last line, where commands say what is wrong."""
    return (text.strip().splitlines() or ["it said nothing"])[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
