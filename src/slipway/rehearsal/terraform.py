"""The project's own Terraform against emulated AWS: its files as they are, and beside them what emulation needs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from json import dumps
from pathlib import Path

from slipway.delivery.terraform import FOLDER, ROOTS, binary
from slipway.errors import UserError
from slipway.rehearsal.aws import ROOT, EmulatedAws

# where a mirror of providers is kept, by Terraform itself and by those who install it
PLACES = ("~/.terraform.d/plugins", "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins")
PROVIDER = "registry.terraform.io/hashicorp/aws"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OVERRIDES = {
    # a call that fails would be tried again for minutes
    **{f"{root}/rehearsal_override.tf": 'provider "aws" {\n  max_retries = 3\n}\n' for root in ROOTS},
    "bootstrap/terraform.tfvars": 'github = { owner = "acme", owner_id = "101", name = "texts", id = "202" }\n',
    # the provider waits most of a minute until S3 has spread them
    "modules/bucket/rehearsal_override.tf": (
        'resource "aws_s3_bucket_lifecycle_configuration" "this" {\n  count = 0\n}\n'
    ),
}


def mirror() -> str | None:
    """The folder of a mirror that holds AWS's provider: `TF_PLUGIN_MIRROR`, or one of the usual places."""
    return next((str(place) for place in _mirrors() if (place / PROVIDER).is_dir()), None)


def _mirrors() -> Iterator[Path]:
    if told := os.environ.get("TF_PLUGIN_MIRROR"):
        yield Path(told)
    yield from (Path(place).expanduser() for place in PLACES)
    yield from sorted(path for path in Path("/opt").glob("*") if path.is_dir())


class Terraform:
    """A copy of terraform/ in `folder`, to be applied to an emulated account. Raises UserError without Terraform."""

    def __init__(self, aws: EmulatedAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        ignored = shutil.ignore_patterns(".terraform", "*.tfstate*")
        shutil.copytree(ROOT / FOLDER, folder / FOLDER, ignore=ignored)
        for name, content in OVERRIDES.items():
            (folder / FOLDER / name).write_text(content, encoding="utf-8")
        path = os.pathsep.join([str(Path(binary()).parent), aws.environment["PATH"]])
        more = {"APPROVE": "yes", "PATH": path, "TERRAFORM_BIN": binary(), "TF_INPUT": "0", "TF_CLI_ARGS": "-no-color"}
        packages = os.pathsep.join([str(ROOT / "src"), str(ROOT / "lambda")])
        self.environment = aws.environment | more | {"PYTHONPATH": packages, "TF_VAR_may_empty_buckets": "true"}
        if place := mirror():
            self.environment["TF_PLUGIN_MIRROR"] = place

    def __call__(self, *words: str, **variables: str) -> str:
        """What `python -m slipway.delivery.terraform` prints; raises UserError with that where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "slipway.delivery.terraform", *words],
            cwd=self.folder,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UserError(done.stdout)
        return done.stdout

    def push_image(self, repository: str, content: str) -> str:
        """Put an image without layers into a repository; returns its digest."""
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1}
        manifest = dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config | {"digest": f"sha256:{sha256(content.encode()).hexdigest()}"},
                "layers": [],
            }
        )
        digest = f"sha256:{sha256(manifest.encode()).hexdigest()}"
        self.aws.client("ecr").put_image(
            repositoryName=repository, imageManifest=manifest, imageTag=content, imageDigest=digest
        )
        return digest
