"""The actions around docker, done by the `docker` that is on PATH.

https://github.com/docker/build-push-action and https://github.com/aws-actions/amazon-ecr-login
"""

import base64
import subprocess

from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.machine import StepError


def builder(use: Use) -> None:
    """docker/setup-buildx-action: nothing to do for the builder that is there."""
    use.say(f"{use.action}: the builder of this machine")


def log_in(use: Use) -> None:
    """aws-actions/amazon-ecr-login: asks ECR in the job's role for a password, and tells docker."""
    import boto3

    environment = use.environment
    if "AWS_ACCESS_KEY_ID" not in environment:
        raise StepError("Credentials could not be loaded: run aws-actions/configure-aws-credentials before")
    ecr = boto3.client(
        "ecr", region_name=environment["AWS_REGION"], endpoint_url=environment.get("AWS_ENDPOINT_URL"),
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"], aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
    )  # fmt: skip
    try:
        [told] = ecr.get_authorization_token()["authorizationData"]
    except ecr.exceptions.ClientError as error:
        raise StepError(str(error)) from None
    user, password = base64.b64decode(told["authorizationToken"]).decode().split(":", 1)
    use.mask(password)
    registry = told["proxyEndpoint"].removeprefix("https://").removeprefix("http://")
    done = subprocess.run(
        ["docker", "login", "--username", user, "--password-stdin", registry], env=environment, input=password,
        capture_output=True, text=True, check=False, executable=_docker(use),
    )  # fmt: skip
    use.say(done.stdout + done.stderr)
    if done.returncode:
        raise StepError("docker login failed")
    use.outputs |= {"registry": registry}


def check_seen(use: Use, image: str) -> None:
    """Raise StepError unless docker here has an image, or its registry shows it to who has logged in."""
    for kind in ("image", "manifest"):
        words = ["docker", kind, "inspect", image]
        done = subprocess.run(
            words, env=use.environment, capture_output=True, text=True, check=False, executable=_docker(use)
        )
        if done.returncode == 0:
            return
    raise StepError(f"{image} is not here, and its registry does not show it: {done.stderr.strip()}")


def build(use: Use) -> None:
    """docker/build-push-action."""
    words = ["docker", "build", "--file", use.text("file", f"{use.text('context', '.')}/Dockerfile")]
    tags = use.text("tags").replace(",", "\n").split()
    for option, name in (("--tag", "tags"), ("--build-arg", "build-args"), ("--label", "labels")):
        values = tags if name == "tags" else use.text(name).splitlines()
        words += [word for value in values for word in (option, value)]
    for name in ("target", "platforms", "provenance", "sbom"):
        if value := use.text(name):
            words.append(f"--{name.removesuffix('s') if name == 'platforms' else name}={value}")
    use.run([*words, use.text("context", ".")])
    if not use.flag("push"):
        return
    for tag in tags:
        use.run(["docker", "push", tag])
    told = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{index .RepoDigests 0}}", tags[0]], env=use.environment,
        capture_output=True, text=True, check=False, executable=_docker(use),
    )  # fmt: skip
    if told.returncode:
        raise StepError(told.stderr)
    use.outputs |= {"digest": told.stdout.strip().rpartition("@")[2]}


def _docker(use: Use) -> str:
    """The docker that the job's PATH finds."""
    import shutil

    found = shutil.which("docker", path=use.environment["PATH"])
    if found is None:
        raise StepError("docker is missing on PATH")
    return found
