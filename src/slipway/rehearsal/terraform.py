"""The project's own Terraform against emulated AWS: its files as they are, and beside them what emulation needs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from slipway.delivery.terraform.root import FOLDER, PROJECT, ROOTS, binary
from slipway.errors import UserError
from slipway.rehearsal.aws.account import ROOT, EmulatedAws

# where a mirror of providers is kept, by Terraform itself and by those who install it
PLACES = ("~/.terraform.d/plugins", "/usr/share/terraform/plugins", "/usr/local/share/terraform/plugins")
PROVIDER = "registry.terraform.io/hashicorp/aws"
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


def plugins() -> dict[str, str]:
    """What tells Terraform where to take AWS's provider from: a mirror, or where to keep what it downloads, once."""
    if place := mirror():
        return {"TF_CLI_ARGS_init": f"-plugin-dir={place}"}
    cache = Path(os.environ.get("TF_PLUGIN_CACHE_DIR", "~/.terraform.d/plugin-cache")).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    return {"TF_PLUGIN_CACHE_DIR": str(cache)}


def copy_files(folder: Path, region: str | None = None) -> Path:
    """Make `folder` a copy of terraform/, without what was made while it was used; it lies in the account's region."""
    ignored = shutil.ignore_patterns(".terraform", "*.tfstate*")
    shutil.copytree(ROOT / FOLDER, folder, ignore=ignored)
    if region:
        put(folder / PROJECT.name, region=f'"{region}"')
    return folder


def put(file: Path, **values: str) -> None:
    """Give variables in a .tfvars these values, as Terraform spells them, whatever they were."""
    text = file.read_text(encoding="utf-8")
    for name, value in values.items():
        rest = re.sub(rf"(?m)^{name}\s*=\s*(\[[^\]]*\]|[^\n]*)\n", "", text)
        text = f"{rest}{name} = {value}\n"
    file.write_text(text, encoding="utf-8")


class Terraform:
    """A copy of terraform/ in `folder`, to be applied to an emulated account. Raises UserError without Terraform."""

    def __init__(self, aws: EmulatedAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        copy_files(folder / FOLDER, aws.region)
        for name, content in OVERRIDES.items():
            (folder / FOLDER / name).write_text(content, encoding="utf-8")
        more = {"APPROVE": "yes", "TERRAFORM_BIN": binary(), "TF_INPUT": "0", "TF_CLI_ARGS": "-no-color"}
        more["SLIPWAY_LOCK_SECONDS"] = "2"
        packages = os.pathsep.join([str(ROOT / "src"), str(ROOT / "lambda")])
        self.environment = (
            aws.environment | plugins() | more | {"PYTHONPATH": packages, "TF_VAR_may_empty_buckets": "true"}
        )

    def __call__(self, *words: str, role: str | None = None, **variables: str) -> str:
        """What `python -m slipway.delivery.terraform` prints, by a person or in a role of GitHub's.

        Raises UserError with that where it fails.
        """
        keys = self.aws.as_role(f"slipway-{role}") if role else {}
        command = [sys.executable, "-m", "slipway.delivery.terraform", *words]
        return said(command, self.folder, self.environment | keys | variables)


def said(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a command prints, in this folder and environment alone. Raises UserError with that where it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UserError(done.stdout)
    return done.stdout
