"""A root of terraform/, and Terraform itself.

The state lies in the bucket that `bootstrap` made, whose name follows from project and account.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from slipway.errors import UserError

FOLDER = Path("terraform")
PROJECT = FOLDER / "project.tfvars"
ROOTS = ("bootstrap", "platform", "serving")
ENVIRONMENTS = ("staging", "production")
# a text, or a number, which Terraform takes for one
VALUE = re.compile(r'^\s*(\w+)\s*=\s*"?((?<=")[^"]*|\d+)', re.MULTILINE)
LOCAL_BACKEND = 'terraform {\n  backend "local" {}\n}\n'
# how long one waits for another's; a runner that was cut off leaves its own for ever
LOCKING = ("plan", "apply", "destroy")
LOCK_SECONDS = 120
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
        if found["region"] not in regions():
            raise UserError(
                f"{PROJECT}: region \"{found['region']}\" is none of AWS's, as eu-central-1; China's are not supported."
            )
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
        return state_bucket(self.project["project"], account)

    @property
    def state(self) -> str:
        """Where its state lies in the bucket."""
        return f"{self.name}{f'/{self.environment}' if self.environment else ''}.tfstate"

    def bucket_exists(self) -> bool:
        """Whether there is the bucket of all states. Raises UserError where the caller may not see this root's."""
        import boto3
        from botocore.exceptions import ClientError, ParamValidationError

        bucket = self.state_bucket
        try:
            # of this root's state alone: its role may see no other
            s3 = boto3.client("s3", region_name=self.project["region"])
            s3.list_objects_v2(Bucket=bucket, Prefix=self.state, MaxKeys=1)
        except ParamValidationError as error:
            raise UserError(
                f"{PROJECT}: {bucket} is no name of a bucket: choose a shorter or plainer `project`."
            ) from error
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchBucket":
                return False
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
                raise UserError(
                    f"the bucket {bucket} is closed to you ({error}): take a role that may see it, or, where it is "
                    "another's, choose another `project`."
                ) from error
            raise
        return True

    @property
    def state_here(self) -> Path:
        """The state of `bootstrap`, as long as it is not in its bucket."""
        return self.folder / "terraform.tfstate"

    @property
    def override(self) -> Path:
        """What makes Terraform keep the state here."""
        return self.folder / "backend_override.tf"

    def files(self) -> list[str]:
        """Options that name the values' files; those of terraform.tfvars are read without."""
        told = [PROJECT, *([FOLDER / "environments" / f"{self.environment}.tfvars"] if self.environment else [])]
        return [f"-var-file={path.resolve()}" for path in told]

    def init(self) -> None:
        """Fetch the provider and open the state. Raises UserError before `bootstrap` has made its bucket."""
        if not self.bucket_exists():
            raise UserError(f"the bucket {self.state_bucket} does not exist: `make bootstrap` comes first.")
        self.override.unlink(missing_ok=True)  # of a run that was killed
        self.run("init", "-reconfigure", *self.backend())

    def backend(self) -> list[str]:
        """Options that say where the state lies."""
        told = {"bucket": self.state_bucket, "region": self.project["region"]}
        file = FOLDER / "environments" / f"{self.environment}.s3.tfbackend"
        named = [f"-backend-config={file.resolve()}"] if self.environment else []
        return [*(f"-backend-config={name}={value}" for name, value in told.items()), *named]

    def run(self, *words: str) -> None:
        """Terraform, in the root's folder. Raises UserError where it fails, also for another's lock of the state."""
        command = [
            binary(),
            words[0],
            *([f"-lock-timeout={lock_seconds()}s"] if words[0] in LOCKING else []),
            *words[1:],
        ]
        self.__dict__.pop("outputs", None)
        status = subprocess.run(command, cwd=self.folder, env=surroundings(), check=False).returncode
        if status:
            locked = self.locked() if words[0] in LOCKING else None
            raise UserError(locked or f"terraform {words[0]} of {self.folder} failed: it says why above.")

    def locked(self) -> str | None:
        """Who holds the lock of the state in its bucket, in words; None where nobody does."""
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        if self.override.exists():
            return None
        key = f"{self.state}.tflock"
        try:
            s3 = boto3.client("s3", region_name=self.project["region"])
            told = json.load(s3.get_object(Bucket=self.state_bucket, Key=key)["Body"])
            who, since, what = told["Who"], told["Created"], told["Operation"]
        except (BotoCoreError, ClientError, ValueError, KeyError, TypeError, UserError):
            return None
        return (
            f"the state of {self.folder} is locked by {who} since {since} ({what}). Where that is at work, wait and "
            f"run this again. Where it is dead, as a runner that was cut off: `aws s3 rm s3://{self.state_bucket}/{key}`."
        )

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """What the last apply told, by name. Raises UserError where it cannot be read."""
        return {name: told["value"] for name, told in self.ask("output", "-json").items()}

    def ask(self, *words: str) -> Any:
        """What Terraform tells as JSON. Raises UserError where it fails."""
        done = subprocess.run(
            [binary(), *words], cwd=self.folder, env=surroundings(), stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            raise UserError(f"terraform {words[0]} of {self.folder} failed: it says why above.")
        return json.loads(done.stdout or b"null")


def state_bucket(project: str, account: str) -> str:
    """The name of the bucket of all states."""
    return f"{project}-state-{account}"


def binary() -> str:
    """Terraform itself: `TERRAFORM_BIN`, else that on PATH. Raises UserError where there is none."""
    wanted = os.environ.get("TERRAFORM_BIN") or "terraform"
    found = shutil.which(wanted)
    if not found:
        raise UserError(f"{wanted} is missing: {INSTALL}.")
    return found


def lock_seconds() -> int:
    """How long another's lock is waited for: `SLIPWAY_LOCK_SECONDS`, else two minutes."""
    told = os.environ.get("SLIPWAY_LOCK_SECONDS", "")
    return int(told) if told.isdecimal() else LOCK_SECONDS


def surroundings() -> dict[str, str]:
    """The environment that Terraform runs in: it asks nothing of its makers."""
    return os.environ | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}


@cache
def regions() -> set[str]:
    """The regions of AWS that its SDK knows, but for China's, whose services have names of their own."""
    from botocore.loaders import Loader
    from botocore.regions import EndpointResolver

    # not by a session: that would look at somebody's settings, which may be wrong
    known = EndpointResolver(Loader().load_data("endpoints"))
    return {region for each in ("aws", "aws-us-gov") for region in known.get_available_endpoints("s3", each)}
