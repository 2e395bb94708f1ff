"""What the project's Terraform would make, with its values; nothing is applied.

A plan looks for what the root before it made: a role, the key's name and a repository are put into the account.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.delivery.terraform.root import FOLDER, LOCAL_BACKEND, PROJECT, VALUE, binary
from slipway.errors import UserError
from slipway.rehearsal.aws.account import ROOT, EmulatedAws
from slipway.rehearsal.terraform import OVERRIDES, copy_files, plugins

DIGEST = f"sha256:{'0' * 64}"


@dataclass(frozen=True)
class Resource:
    """One that Terraform would make: what only AWS can say of it is not among its values."""

    type: str
    name: str
    values: dict[str, Any]


class Plans:
    """Plans roots against an emulated account; `folder` takes a copy of terraform/.

    Raises UserError without Terraform.
    """

    def __init__(self, aws: EmulatedAws, folder: Path) -> None:
        self.copy = copy_files(folder / FOLDER, aws.region)
        # what makes applying faster makes less: a plan holds all
        for name in (name for name in OVERRIDES if not name.startswith("modules/")):
            (self.copy / name).write_text(OVERRIDES[name], encoding="utf-8")
        more = {"TF_INPUT": "0", "TF_CLI_ARGS": "-no-color", "CHECKPOINT_DISABLE": "1"}
        self.environment = aws.environment | plugins() | more
        self.terraform = binary()
        self.ready: set[str] = set()
        project = dict(VALUE.findall((ROOT / PROJECT).read_text(encoding="utf-8")))["project"]
        aws.client("iam").create_role(
            RoleName=f"{project}-sagemaker", Path=f"/{project}/execution/", AssumeRolePolicyDocument="{}"
        )
        aws.client("ecr").create_repository(repositoryName=f"{project}-serve")
        key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
        aws.client("kms").create_alias(AliasName=f"alias/{project}", TargetKeyId=key)

    def __call__(self, root: str, environment: str | None = None, **variables: str) -> list[Resource]:
        """What a root would make. Raises UserError with what Terraform says where it fails."""
        if root not in self.ready:
            # the state is never written: what a real one needs is not asked for
            (self.copy / root / "plans_override.tf").write_text(LOCAL_BACKEND, encoding="utf-8")
            self._run(root, {}, "init")
            self.ready.add(root)
        values = {"image_digest": DIGEST} if root == "serving" else {}
        told = {f"TF_VAR_{key}": value for key, value in (values | variables).items()}
        files = [self.copy / "project.tfvars"]
        files += [self.copy / "environments" / f"{environment}.tfvars"] if environment else []
        self._run(root, told, "plan", "-out=plan", *(f"-var-file={path}" for path in files))
        planned = json.loads(self._run(root, {}, "show", "-json", "plan"))["planned_values"]["root_module"]
        return list(resources(planned))

    def _run(self, root: str, variables: dict[str, str], *words: str) -> str:
        done = subprocess.run(
            [self.terraform, *words],
            cwd=self.copy / root,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UserError(f"terraform {words[0]} of {FOLDER / root} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


def resources(module: dict[str, Any]) -> Iterator[Resource]:
    """Those of a module and of all within it, as `terraform show -json` tells them."""
    for each in module.get("resources", []):
        if each["mode"] == "managed":
            yield Resource(each["type"], each["address"], each.get("values", {}))
    for inner in module.get("child_modules", []):
        yield from resources(inner)
