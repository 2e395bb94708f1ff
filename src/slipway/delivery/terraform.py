"""Plans, applies and destroys a root of terraform/: `python -m slipway.delivery.terraform plan serving staging`.

The state lies in the bucket that `bootstrap` made, whose name follows from project and account.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from slipway.delivery.settings import Needs, settle
from slipway.errors import UserError

FOLDER = Path("terraform")
PROJECT = FOLDER / "project.tfvars"
ROOTS = ("bootstrap", "platform", "serving")
ENVIRONMENTS = ("staging", "production")
VALUE = re.compile(r'^\s*(\w+)\s*=\s*"([^"]*)"', re.MULTILINE)
INSTALL = "https://developer.hashicorp.com/terraform/install, 1.11 or newer"


@dataclass(frozen=True)
class Root:
    """One root, and for `serving` one of its environments. Raises UserError for one that is none."""

    name: str
    environment: str | None = None

    def __post_init__(self) -> None:
        if self.name not in ROOTS:
            raise UserError(f"ROOT={self.name}: must be one of {', '.join(ROOTS)}.")
        if self.name == "serving" and self.environment not in ENVIRONMENTS:
            raise UserError(f"ENV={self.environment or ''}: must be one of {', '.join(ENVIRONMENTS)} for serving.")
        if self.name != "serving" and self.environment:
            raise UserError(f"ENV={self.environment}: {self.name} is the whole account's, leave ENV out.")
        if not (FOLDER / self.name).is_dir():
            raise UserError(f"{FOLDER / self.name} is missing: run this in the root of a whole checkout.")

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return FOLDER / self.name

    @cached_property
    def project(self) -> dict[str, str]:
        """What `terraform/project.tfvars` says: project and region."""
        try:
            found = dict(VALUE.findall(PROJECT.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise UserError(f"{PROJECT} is missing: it names project and region.") from error
        for name in ("project", "region"):
            if name not in found:
                raise UserError(f"{PROJECT}: `{name} = ...` is missing.")
        return found

    @cached_property
    def state_bucket(self) -> str:
        """The bucket of all states. Raises UserError where AWS does not know who asks."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            account = boto3.client("sts", region_name=self.project["region"]).get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise UserError(f"AWS does not know who you are ({error}): `aws sso login`, or set AWS_PROFILE.") from error
        return f"{self.project['project']}-state-{account}"

    def files(self) -> list[str]:
        """Options that name the values' files; those of terraform.tfvars are read without."""
        told = [PROJECT, *([FOLDER / "environments" / f"{self.environment}.tfvars"] if self.environment else [])]
        return [f"-var-file={path.resolve()}" for path in told]

    def init(self) -> None:
        """Fetch the provider and open the state. Raises UserError before `bootstrap` has made its bucket."""
        if not bucket_exists(self.state_bucket, self.project["region"]):
            raise UserError(f"the bucket {self.state_bucket} does not exist: `make bootstrap` comes first.")
        self.run("init", "-reconfigure", *mirror(), *self.backend())

    def backend(self) -> list[str]:
        """Options that say where the state lies."""
        told = {"bucket": self.state_bucket, "region": self.project["region"]}
        file = FOLDER / "environments" / f"{self.environment}.s3.tfbackend"
        named = [f"-backend-config={file.resolve()}"] if self.environment else []
        return [*(f"-backend-config={name}={value}" for name, value in told.items()), *named]

    def run(self, *words: str) -> None:
        """Terraform, in the root's folder. Raises UserError with its exit status where it fails."""
        status = subprocess.run([binary(), *words], cwd=self.folder, env=surroundings(), check=False).returncode
        if status:
            raise UserError(f"terraform {words[0]} of {self.folder} failed: it says why above.")

    def output(self, name: str) -> Any:
        """What an applied root tells under a name. Raises UserError where it tells nothing."""
        words = [binary(), "output", "-json", name]
        done = subprocess.run(words, cwd=self.folder, env=surroundings(), stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise UserError(f"terraform output of {self.folder} failed: it says why above.")
        return json.loads(done.stdout)


def bucket_exists(name: str, region: str) -> bool:
    """Whether there is a bucket of that name that the caller may see."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        boto3.client("s3", region_name=region).head_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
            return False
        if error.response["Error"]["Code"] == "403":
            raise UserError(f"the bucket {name} is not yours, or closed to you: choose another `project`.") from error
        raise
    return True


def binary() -> str:
    """Terraform itself: `TERRAFORM_BIN`, else that on PATH. Raises UserError where there is none."""
    found = os.environ.get("TERRAFORM_BIN") or shutil.which("terraform")
    if not found:
        raise UserError(f"terraform is missing: {INSTALL}.")
    return found


def mirror() -> list[str]:
    """The option that takes providers from a folder, where `TF_PLUGIN_MIRROR` names one."""
    folder = os.environ.get("TF_PLUGIN_MIRROR")
    return [f"-plugin-dir={folder}"] if folder else []


def surroundings() -> dict[str, str]:
    """The environment that Terraform runs in: it asks nothing of its makers."""
    return os.environ | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}


def bootstrap(root: Root, approve: list[str]) -> None:
    """Make the state's bucket and the rest of terraform/bootstrap, whose own state moves into that bucket."""
    if not bucket_exists(root.state_bucket, root.project["region"]):
        with state_in_a_file(root):
            root.run("init", "-reconfigure", *mirror())
            root.run("apply", *approve, *root.files())
        root.run("init", "-migrate-state", "-force-copy", *mirror(), *root.backend())
        for left in root.folder.glob("terraform.tfstate*"):
            left.unlink()
    else:
        root.init()
        root.run("apply", *approve, *root.files())


def destroy(root: Root) -> None:
    """Remove all of a root. The state of `bootstrap` leaves its bucket first."""
    root.init()
    if root.name != "bootstrap":
        root.run("destroy", "-auto-approve", *root.files())
        return
    with state_in_a_file(root):
        root.run("init", "-migrate-state", "-force-copy", *mirror())
        root.run("destroy", "-auto-approve", *root.files())


@contextmanager
def state_in_a_file(root: Root) -> Iterator[None]:
    """The state is `terraform.tfstate` in the root's folder, as long as the block lasts."""
    override = root.folder / "backend_override.tf"
    override.write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
    try:
        yield
    finally:
        override.unlink()


def confirmed(root: Root) -> bool:
    """Whether someone typed the name of what is to be destroyed, or gave it as `CONFIRM`."""
    name = root.environment or root.name
    told = os.environ.get("CONFIRM")
    if told is None:
        told = input(f"Everything of {name} in AWS will be destroyed. Type {name} to go on: ")
    return told == name


def main(words: list[str]) -> None:
    """Do what the words say: a command, a root, and an environment where it has one."""
    command, name, environment = (*words, "", "", "")[:3]
    root = Root(name, environment or None)
    approve = ["-auto-approve"] if os.environ.get("APPROVE") == "yes" else []
    if command == "bootstrap":
        bootstrap(root, approve)
        settle(Needs(**root.output("github")))
    elif command in ("plan", "apply"):
        root.init()
        root.run(command, *(approve if command == "apply" else []), *root.files())
    elif command == "destroy":
        if not confirmed(root):
            raise UserError("nothing was destroyed.")
        destroy(root)
    else:
        raise UserError(f"{command}: must be plan, apply, destroy or bootstrap.")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
