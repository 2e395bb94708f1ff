"""Builds images with docker, and pushes them to ECR."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from slipway.delivery.image.registry import Registry
from slipway.errors import UserError

INSTALL = "install Docker Engine (https://docs.docker.com/engine/install)"


def build(dockerfile: str, tag: str, arguments: dict[str, str]) -> None:
    """Build an image for x86 from the project's root. Raises UserError where it fails."""
    told = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    # SageMaker and Lambda refuse the index of images that attestations come in
    words = ["build", "--platform", "linux/amd64", "--provenance=false", "--sbom=false"]
    run([*words, *told, "--file", dockerfile, "--tag", tag, "."], os.environ | {"DOCKER_BUILDKIT": "1"})


def push(registry: Registry, tag: str) -> str:
    """Push the image ADDRESS:TAG; returns its digest. Another's, who was faster, is as good."""
    user, password = registry.login()
    # the password is forgotten with the folder
    with TemporaryDirectory() as folder:
        environment = os.environ | {"DOCKER_CONFIG": folder}
        run(
            ["login", "--username", user, "--password-stdin", registry.address.partition("/")[0]], environment, password
        )
        try:
            run(["push", f"{registry.address}:{tag}"], environment)
        except UserError:
            if registry.find(tag) is None:
                raise
    digest = registry.find(tag)
    if digest is None:
        raise UserError(f"{registry.address}:{tag} was pushed, and the registry does not have it: run this again.")
    return digest


def run(words: list[str], environment: dict[str, str], told: str | None = None) -> None:
    """Docker, which says itself what it does. Raises UserError where it is missing or fails."""
    docker = shutil.which("docker")
    if docker is None:
        raise UserError(f"docker is missing: {INSTALL}.")
    done = subprocess.run([Path(docker), *words], env=environment, input=told, text=True, check=False)
    if done.returncode:
        raise UserError(f"docker {words[0]} failed: it says why above.")
