"""Plans, applies and destroys a root of terraform/: `python -m slipway.delivery.terraform plan serving staging`."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from slipway.delivery.repository.needs import Needs
from slipway.delivery.repository.settings import settle
from slipway.delivery.terraform import contents
from slipway.delivery.terraform.root import LOCAL_BACKEND, PROJECT, Root
from slipway.errors import UserError


def bootstrap(root: Root, approve: list[str]) -> None:
    """Make the state's bucket and the rest of terraform/bootstrap, whose own state moves into that bucket.

    What was broken off goes on. Raises UserError where the account knows GitHub already, by another project or name.
    """
    if root.state_here.exists() or not root.bucket_exists():
        check_provider(root)
        with state_in_a_file(root):
            root.run("init", "-reconfigure")
            root.run("apply", *approve, *root.files())
        root.run("init", "-migrate-state", "-force-copy", *root.backend())
        forget(root)
    else:
        root.init()
        root.run("apply", *approve, *root.files())


def check_provider(root: Root) -> None:
    """Raise UserError where a first apply would meet a provider of GitHub's identities that it is to make."""
    import boto3

    files = [path.read_text(encoding="utf-8") for path in (PROJECT, *root.folder.glob("*.tfvars"))]
    variables = [f'{name[7:]} = "{value}"' for name, value in os.environ.items() if name.startswith("TF_VAR_")]
    found = any(re.search(r'^github_provider\s*=\s*"find"', told, re.MULTILINE) for told in files + variables)
    if found or root.state_here.exists():
        return
    providers = boto3.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    if any(each["Arn"].endswith("/token.actions.githubusercontent.com") for each in providers):
        raise UserError(
            "the account knows GitHub already. Where this project made that under another name, give `project` in "
            f'{PROJECT} its old name back; where another did, put github_provider = "find" into '
            f"{root.folder / 'terraform.tfvars'}. Nothing was made."
        )


def destroy(root: Root) -> None:
    """Remove all of a root. The state of `bootstrap` leaves its bucket first.

    Raises UserError, and removes nothing, where something was built on it, or would be lost.
    """
    if not root.state_here.exists():
        root.init()
        check_destroy(root)
    if root.name != "bootstrap":
        root.run("destroy", "-auto-approve", *root.files())
        return
    with state_in_a_file(root):
        move = ["-reconfigure"] if root.state_here.exists() else ["-migrate-state", "-force-copy"]
        root.run("init", *move)
        root.run("destroy", "-auto-approve", *root.files())
    forget(root)


def check_destroy(root: Root) -> None:
    """Raise UserError where something was built on a root, or would be lost."""
    from botocore.exceptions import ClientError

    region = root.project["region"]
    try:
        later = contents.built_on(root.name, root.state_bucket, region)
        held = contents.full(root.ask("state", "pull") or {"resources": []}, region)
    except ClientError as error:
        raise UserError(f"{root.name} is for a person to destroy, who may look at all of it: {error}") from error
    if later:
        raise UserError(f"{', '.join(later)} must be destroyed before {root.name}: nothing was destroyed.")
    if held:
        again = "make bootstrap" if root.name == "bootstrap" else f"make apply ROOT={root.name}"
        raise UserError(
            f"{', '.join(held)} would be lost: nothing was destroyed. Empty them, or let them be emptied: "
            f"`TF_VAR_may_empty_buckets=true {again}`."
        )


def forget(root: Root) -> None:
    """Remove the state that is here, and its copies."""
    for left in root.folder.glob(f"{root.state_here.name}*"):
        left.unlink()


@contextmanager
def state_in_a_file(root: Root) -> Iterator[None]:
    """The state is `terraform.tfstate` in the root's folder, as long as the block lasts."""
    root.override.write_text(LOCAL_BACKEND, encoding="utf-8")
    try:
        yield
    finally:
        root.override.unlink()


def confirmed(root: Root) -> bool:
    """Whether someone typed the name of what is to be destroyed, or gave it as `CONFIRM`."""
    name = root.environment or root.name
    told = os.environ.get("CONFIRM")
    if told is None:
        with suppress(EOFError):  # nobody is there to answer
            told = input(f"Everything of {name} in AWS will be destroyed. Type {name} to go on: ")
    return told == name


def main(words: list[str]) -> None:
    """Do what the words say: a command, a root, and an environment where it has one."""
    command, name, environment = (*words, "", "", "")[:3]
    root = Root(name, environment or None)
    approve = ["-auto-approve"] if os.environ.get("APPROVE") == "yes" else []
    if command == "bootstrap":
        bootstrap(root, approve)
        settle(Needs(**root.outputs["github"]))
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
