"""Stands in for the docker command where there is no engine: runs the one service of a compose file as a process.

The image is the project's environment with `docker/train`; a mount is a link. STAND_IN_FOLDER holds its state,
STAND_IN_IMAGES the images that it has.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

STATE = Path(os.environ["STAND_IN_FOLDER"])
TRAIN = Path(os.environ["STAND_IN_TRAIN"])
# NUMBER holds the name of a container's project, NUMBER.log what it says
CONTAINERS = STATE / "containers"


def up(file: Path) -> int:
    import yaml

    (STATE / "compose.yaml").write_bytes(file.read_bytes())
    service = yaml.safe_load(file.read_text())["services"]["algo-1"]
    root = STATE / f"root-{len(list(STATE.glob('root-*')))}"
    # docker mounts outer folders first
    for there, here in sorted(mount.split(":")[::-1] for mount in service["volumes"]):
        inside = root / Path(there).relative_to("/opt/ml")
        Path(here).mkdir(parents=True, exist_ok=True)
        inside.parent.mkdir(parents=True, exist_ok=True)
        if not inside.exists():
            inside.symlink_to(here)
    told = dict(each.replace("$$", "$").split("=", 1) for each in service["environment"])
    environment = {name: os.environ[name] for name in ("PATH", "OMP_WAIT_POLICY") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, TRAIN, root], env=environment | told, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    CONTAINERS.mkdir(exist_ok=True)
    with (CONTAINERS / f"{process.pid}.log").open("wb") as log:
        (CONTAINERS / str(process.pid)).write_text(os.environ["COMPOSE_PROJECT_NAME"])
        for line in process.stdout or ():
            log.write(line)
            log.flush()
            sys.stdout.buffer.write(b"\x1b[36malgo-1-1  | \x1b[0m" + line)
            sys.stdout.flush()
    print(f"algo-1-1 exited with code {process.wait()}")
    return process.returncode


def running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def main(words: list[str]) -> int:
    if words[:1] == ["compose"] and "up" in words:
        return up(Path(words[words.index("-f") + 1]))
    if words[:2] == ["compose", "version"]:
        print("Docker Compose version v2.40.0")
    elif words[:2] == ["image", "inspect"]:
        return int(words[2] not in os.environ["STAND_IN_IMAGES"].split())
    elif words[:1] == ["ps"]:
        wanted = next(word for word in words if word.startswith("--filter=label=")).rpartition("=")[2]
        for path in CONTAINERS.glob("*[0-9]"):
            if path.read_text() == wanted and ("--filter=status=running" not in words or running(int(path.name))):
                print(path.name)
    elif words[:1] == ["stop"]:
        os.kill(int(words[-1]), signal.SIGTERM)
        while running(int(words[-1])):
            os.sched_yield()
    elif words[:1] == ["logs"]:
        print((CONTAINERS / f"{words[-1]}.log").read_text(), end="")
    elif words[:1] == ["rm"]:
        (CONTAINERS / words[-1]).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
