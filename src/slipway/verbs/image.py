"""`slipway image train|serve [key=value ...]`: brings an image to the registry, unless it is there."""

import os
from pathlib import Path

from slipway.compute.image import image_tag
from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.request import device_of
from slipway.config.compose import runtime
from slipway.config.compute import SageMakerCompute
from slipway.delivery.github.api import GitHub, GitHubError
from slipway.delivery.github.job import output, summary
from slipway.delivery.image.accepted import check_findings, read_accepted
from slipway.delivery.image.docker import build, push
from slipway.delivery.image.registry import Registry
from slipway.delivery.image.tag import BUNDLE, DOCKERFILE
from slipway.delivery.image.tag import image_tag as serve_tag
from slipway.delivery.project import project
from slipway.delivery.release.wanted import needed
from slipway.errors import UserError


def run(words: list[str]) -> None:
    """Build and push what the registry lacks; outputs `tag`, `digest`, `image` (address@digest), `name`, `built`.

    With a GITHUB_TOKEN, also whether `serve`'s is `described`: its materials listed, and signed where it comes from.
    `train` takes the choices of compute (`compute=sagemaker compute.instance_types=[...]`), and brings an image for
    each kind of machine in them; the outputs are the first one's.
    """
    kind, *overrides = words or [""]
    if kind == "train":
        compute = runtime(overrides).compute
        if not isinstance(compute, SageMakerCompute):
            raise UserError(
                "slipway image train needs compute=sagemaker: others take no image from a registry.",
            )
        registry = Registry(Account(project().region), f"{project().name}-train")
        devices = list(dict.fromkeys(device_of(each) for each in compute.instance_types))
        found = [
            bring(registry, image_tag(device), "docker/train.Dockerfile", {"DEVICE": device}) for device in devices
        ]
        tell(registry, *found[0])
    elif kind == "serve" and not overrides:
        serve()
    else:
        raise UserError("slipway image takes `train` (with compute=... besides) or `serve`.")


def serve() -> None:
    """The function's image, which holds the bundle that main asks for. Raises UserError for a critical finding."""
    registry, tag = Registry(Account(project().region), f"{project().name}-serve"), needed().tag
    if registry.find(tag) is None:
        if not Path(BUNDLE, "manifest.json").is_file():
            raise UserError(
                f"{BUNDLE} is missing: `dvc pull {BUNDLE}` fetches it; where DVC's remote lacks it, `dvc push` where "
                "it was made."
            )
        if serve_tag() != tag:
            raise UserError(f"{BUNDLE} is not the bundle that reports/gate.json names: `dvc checkout {BUNDLE}`.")
    found = bring(registry, tag, DOCKERFILE, {})
    tell(registry, *found)
    if "GITHUB_TOKEN" in os.environ:
        output("described", str(is_attested(GitHub.from_environment(), found[1])).lower())
    # each time: what was pushed and refused is refused again
    check_findings(registry.critical(found[1]), read_accepted(), f"{registry.name}:{tag}")


def is_attested(github: GitHub, digest: str) -> bool:
    """Whether GitHub keeps where an image comes from: who built it may have been cut off before it said so."""
    try:
        found = github.find(f"attestations/{digest}")
    except GitHubError as error:
        if error.status != 403:  # a plan without attestations
            raise
        found = None
    return bool(found and found["attestations"])


def bring(registry: Registry, tag: str, dockerfile: str, arguments: dict[str, str]) -> tuple[str, str, bool]:
    """Tag and digest of an image that the registry has now, and whether it was built."""
    digest = registry.find(tag)
    if digest is not None:
        print(f"{registry.name}:{tag} is in the registry.")
        return tag, digest, False
    build(dockerfile, f"{registry.address}:{tag}", arguments)
    return tag, push(registry, tag), True


def tell(registry: Registry, tag: str, digest: str, built: bool) -> None:
    """Outputs for the next steps."""
    output("tag", tag)
    output("digest", digest)
    output("name", registry.address)
    output("image", f"{registry.address}@{digest}")
    output("built", str(built).lower())
    summary(f"`{registry.name}:{tag}` {'was built and pushed' if built else 'was in the registry'}: `{digest}`")
