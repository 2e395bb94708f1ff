"""Runs the function on this machine until Ctrl-C: `python -m slipway.rehearsal.function [BUNDLE]`, or `make lambda`.

It is the image where docker has the one of this very code and bundle, else `lambda/` without docker.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from slipway.compute.container import docker
from slipway.compute.folder import PROJECT
from slipway.delivery.image.tag import BUNDLE, image_tag
from slipway.errors import UserError
from slipway.rehearsal.function.emulator import (
    BOUND,
    INVOCATIONS,
    Emulator,
    free_ports,
    invoke,
)

# what a caller may set
SETTINGS = (
    "SLIPWAY_CAPTURE_RATE",
    "SLIPWAY_CAPTURE_TEXT",
    "SLIPWAY_PAGE",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
)
# as Lambda runs it: no rights, a user of its own, and /tmp to write to. The emulator's port needs a network
CONFINED = (
    *("--read-only", "--tmpfs=/tmp", "--user=65534:65534", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
    *("--platform=linux/amd64", "--pull=never"),
)
HEALTH = {
    "version": "2.0", "rawPath": "/health", "rawQueryString": "", "headers": {"host": "localhost"},
    "requestContext": {"http": {"method": "GET", "path": "/health", "sourceIp": "127.0.0.1"}}, "isBase64Encoded": False,
}  # fmt: skip


class Container:
    """The function's image under docker, as long as the block lasts; its log goes to the terminal."""

    def __init__(self, image: str, environment: dict[str, str]) -> None:
        self.image, self.environment = image, environment

    def __enter__(self) -> Self:
        (self.port,) = free_ports(1)
        told = [f"--env={name}={value}" for name, value in self.environment.items()]
        run = ["run", "--rm", "--init", f"--publish=127.0.0.1:{self.port}:8080", *CONFINED, *told, self.image]
        self.process = subprocess.Popen(
            [*BOUND, str(shutil.which("docker")), *run], stdin=subprocess.DEVNULL, start_new_session=True
        )
        while not answers(self.port):
            if self.process.poll() is not None:
                raise UserError(f"docker could not run {self.image}: it says why above.")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        # docker hands it on to the container
        self.process.terminate()
        self.process.wait()


def answers(port: int) -> bool:
    """Whether anything of HTTP answers there; docker takes connections before the container does."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, HTTPException):
        connection.request("GET", "/")
        return bool(connection.getresponse().status)
    return False


def image_of(bundle: Path) -> str | None:
    """The image of this code and bundle, where docker has it."""
    image = f"{PROJECT}-serve:{image_tag(bundle)}"
    there = shutil.which("docker") is not None and docker("image", "inspect", image).returncode == 0
    return image if there else None


def main(words: list[str]) -> int:
    """Run the function until Ctrl-C or SIGTERM; returns the exit status."""
    bundle = Path(words[0] if words else BUNDLE)
    environment = {name: os.environ[name] for name in SETTINGS if name in os.environ}
    image = image_of(bundle)
    function = Container(image, environment) if image else Emulator(bundle, environment=environment, show=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with function:
            # it starts with the first event: what keeps it from starting is said now
            told = invoke(function.port, HEALTH)
            if told.get("statusCode") != 200:
                raise UserError(f"the function is not healthy: {told.get('body', told)}")
            url = f"http://127.0.0.1:{function.port}{INVOCATIONS}"
            what = f"the image {image}" if image else f"lambda/ without docker, with {bundle}"
            print(f"\n{what}, under AWS's Runtime Interface Emulator: {url}\n")
            print(f"""  curl -s {url} -d '{{"texts": ["a sentence"], "top_k": 3}}'\n""")
            print("Ctrl-C ends it.", flush=True)
            return function.process.wait()
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(f"error: {error}")
