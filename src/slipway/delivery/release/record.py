"""What was released, and what was taken back: CodeDeploy's deployments, whose descriptions say what they brought."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import ClientError

from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.words import code, in_words

GROUP = "live"
KEPT = timedelta(days=400)  # who asks for a model that was taken back before may have it
ACTIVE = ("Created", "Queued", "InProgress", "Baking", "Ready")
# of a deployment that failed or was stopped: what says something of what was deployed, and not of AWS. Not so the smoke
# hook, which is asked after a release has asked all the same: what it alone finds may be that it could not ask
JUDGED = ("ALARM_ACTIVE", "MANUAL_STOP")
WORDS = {
    "ALARM_ACTIVE": "an alarm rang",
    "HOOK_EXECUTION_FAILURE": "the smoke test of the version failed",
    "MANUAL_STOP": "it was stopped",
}


@dataclass(frozen=True)
class Brought:
    """The description of a deployment: what it brings, as which version, in the place of which other.

    The image of a version that came by no deployment, as a first release's, is not known: then `tag` is empty.
    `rejects` and `rejects_tag` are the bundle and the image that it takes back.
    """

    bundle: str
    tag: str = ""
    commit: str = ""
    version: str = ""
    before: str = ""
    rejects: str = ""
    rejects_tag: str = ""

    def text(self) -> str:
        """As JSON, without what it does not say."""
        told = {name: value for name, value in asdict(self).items() if value or name == "bundle"}
        return json.dumps(told, separators=(",", ":"))


@dataclass(frozen=True)
class Rejection:
    """What must not be released again: a bundle by its digest, in whatever image, or an image by its tag; and why."""

    kind: Literal["bundle", "image"]
    name: str
    why: str

    def text(self) -> str:
        """As outputs of jobs say it; empty words say that nothing is rejected."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Deployment:
    """One deployment of CodeDeploy; `brought` is None for one that is none of a release's, as CodeDeploy's own."""

    id: str
    created: datetime
    status: str
    error: str
    message: str
    brought: Brought | None
    rolled_back_by: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more happens."""
        return self.status not in ACTIVE

    @property
    def judged(self) -> bool:
        """Whether it ended so that what it brought must not come again."""
        return self.status in ("Failed", "Stopped") and (self.error in JUDGED or self.status == "Stopped")

    @property
    def words(self) -> str:
        """How it ended."""
        told = WORDS.get(self.error) or ("it was stopped" if self.status == "Stopped" else self.error or self.status)
        return f"deployment {self.id}: {told}{f' ({self.message})' if self.message else ''}"


class Record:
    """The deployments of an environment."""

    def __init__(self, name: str, account: Account) -> None:
        self.name, self.client = name, account.client("codedeploy")

    def deployments(self) -> list[Deployment]:
        """Those of the last year, in their order; none where there is no application yet."""
        with in_words(self.name):
            try:
                pages = self.client.get_paginator("list_deployments").paginate(
                    applicationName=self.name,
                    deploymentGroupName=GROUP,
                    createTimeRange={"start": datetime.now(UTC) - KEPT},
                )
                ids = [each for page in pages for each in page["deployments"]]
            except ClientError as error:
                if code(error) in ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException"):
                    return []
                raise
        return sorted(map(self.deployment, ids), key=lambda each: each.created)

    def deployment(self, name: str) -> Deployment:
        """One of them, as it is now."""
        with in_words(self.name):
            found = self.client.get_deployment(deploymentId=name)["deploymentInfo"]
        return read(found)

    def wait(self, name: str, pause: float) -> Deployment:
        """A deployment, once it is over."""
        while not (found := self.deployment(name)).over:
            time.sleep(pause)
        return found

    def succeeded(self) -> list[Brought]:
        """What was brought, by releases and by who went back, in their order."""
        return [each.brought for each in self.deployments() if each.status == "Succeeded" and each.brought]

    def brought(self, version: str) -> Brought | None:
        """What brought a version to where it is, in the deployment that ended last; None where that brought another."""
        over = self.succeeded()
        return over[-1] if over and over[-1].version == version and not over[-1].rejects else None

    def active(self) -> Deployment | None:
        """What is under way; a group has one at a time."""
        return next((each for each in reversed(self.deployments()) if not each.over), None)


def read(found: dict[str, Any]) -> Deployment:
    """A deployment out of CodeDeploy's answer."""
    error = found.get("errorInformation", {})
    return Deployment(
        id=found["deploymentId"],
        created=found["createTime"],
        status=found["status"],
        error=error.get("code", ""),
        message=error.get("message", ""),
        # its own roll-back may repeat the description of what it takes back
        brought=brought(found.get("description", "")) if found.get("creator", "user") == "user" else None,
        rolled_back_by=found.get("rollbackInfo", {}).get("rollbackDeploymentId", ""),
    )


def brought(description: str) -> Brought | None:
    """What a description says; None where it is none of a release's."""
    try:
        found = Brought(**json.loads(description))
    except (ValueError, TypeError):
        return None
    return found if all(isinstance(each, str) for each in asdict(found).values()) else None


def rejection(deployments: Iterable[Deployment], bundle: str, tag: str, answering: str = "") -> Rejection | None:
    """Whether a bundle, or its image, must not be released; None where it may.

    A failure judges the bundle, or, where that was good in another image before, the image. A later success clears it.
    `answering` is the bundle that answers, which a first release brought without a deployment.
    """
    bundles: dict[str, str] = {}
    tags: dict[str, str] = {}
    good: set[str] = {answering}
    for each in deployments:
        told = each.brought
        if told is None or not each.over:
            continue
        if each.status == "Succeeded":
            good.add(told.bundle)
            bundles.pop(told.bundle, None)
            tags.pop(told.tag, None)
        # who goes back has judged, also where the way back fails; who stops it has thought better of it
        if told.rejects and each.status in ("Succeeded", "Failed"):
            why = f"it was taken back on {each.created:%Y-%m-%d}"
            if told.rejects != told.bundle:
                good.discard(told.rejects)
                bundles[told.rejects] = why
            if told.rejects_tag:
                tags[told.rejects_tag] = why
        elif each.judged and not told.rejects:
            tags[told.tag] = each.words
            if told.bundle not in good:
                bundles[told.bundle] = each.words
    if bundle in bundles:
        return Rejection("bundle", bundle, bundles[bundle])
    return Rejection("image", tag, tags[tag]) if tag in tags else None
