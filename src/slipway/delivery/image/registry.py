"""The project's image registries in ECR: what they hold, and what AWS found in it."""

import base64
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from slipway.compute.sagemaker.account import Account
from slipway.compute.sagemaker.words import code, in_words
from slipway.errors import UserError

LONGEST_SCAN = 900.0  # seconds
BETWEEN = 5.0  # seconds, two looks at a scan
# a scan that has just been asked for is not known at once
UNDER_WAY = ("IN_PROGRESS", "PENDING", "ScanNotFoundException")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a package in an image: the name of the weakness, and where."""

    name: str
    package: str


@dataclass
class Registry:
    """One repository of images; `wait` sleeps a number of seconds."""

    account: Account
    name: str
    wait: Callable[[float], None] = field(default=time.sleep)

    @cached_property
    def address(self) -> str:
        """Of the repository, to which `:tag` or `@digest` is added."""
        with self.asked():
            account = self.account.client("sts").get_caller_identity()["Account"]
        return f"{account}.dkr.ecr.{self.account.region}.amazonaws.com/{self.name}"

    def find(self, tag: str) -> str | None:
        """The digest of the image with a tag; None where there is none."""
        found = self._describe({"imageTag": tag})
        return None if found is None else str(found["imageDigest"])

    def tags(self, digest: str) -> list[str]:
        """The tags of an image; none where there is no such image (any more)."""
        return list((self._describe({"imageDigest": digest}) or {}).get("imageTags", []))

    def login(self) -> tuple[str, str]:
        """User and password for `docker login`."""
        with self.asked():
            told = self._ecr.get_authorization_token()["authorizationData"][0]
        user, _, password = base64.b64decode(told["authorizationToken"]).decode().partition(":")
        return user, password

    def critical(self, digest: str) -> list[Finding]:
        """What the scan of an image calls critical, once it is done.

        Raises UserError where there is no scan to be had: an image that nobody looked into is not released.
        """
        image = f"{self.name}@{digest}"
        begun = time.monotonic()
        while (status := self._scan(digest)) in UNDER_WAY:
            if time.monotonic() - begun > LONGEST_SCAN:
                raise UserError(
                    f"{image}: ECR has not scanned it in {LONGEST_SCAN / 60:.0f} minutes ({status}): "
                    f"`aws ecr start-image-scan --repository-name {self.name} --image-id imageDigest={digest}`, "
                    "and run this again."
                )
            self.wait(BETWEEN)
        if status not in ("COMPLETE", "ACTIVE"):
            raise UserError(f"{image}: ECR could not scan it ({status}), so it is not released.")
        with self.asked():
            pages = self._ecr.get_paginator("describe_image_scan_findings").paginate(**self._image(digest))
            found = [each["imageScanFindings"] for each in pages]
        return [finding for page in found for finding in findings(page)]

    def _scan(self, digest: str) -> str:
        with self.asked():
            try:
                found = self._ecr.describe_image_scan_findings(**self._image(digest), maxResults=1)
                return str(found["imageScanStatus"]["status"])
            except ClientError as error:
                if code(error) == "ScanNotFoundException":
                    return code(error)
                raise

    def _describe(self, image: dict[str, str]) -> dict[str, Any] | None:
        with self.asked():
            try:
                found = self._ecr.describe_images(repositoryName=self.name, imageIds=[image])
                return dict(found["imageDetails"][0])
            except ClientError as error:
                if code(error) == "ImageNotFoundException":
                    return None
                raise

    def _image(self, digest: str) -> dict[str, Any]:
        return {"repositoryName": self.name, "imageId": {"imageDigest": digest}}

    @cached_property
    def _ecr(self) -> Any:
        return self.account.client("ecr")

    def asked(self) -> "Asked":
        """What AWS says, in words."""
        return Asked(self.name)


class Asked:
    """As `in_words`, with what it means where the repository is missing."""

    def __init__(self, name: str) -> None:
        self.name, self.words = name, in_words(name)

    def __enter__(self) -> None:
        self.words.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        if isinstance(error, ClientError) and code(error) == "RepositoryNotFoundException":
            raise UserError(f"the registry {self.name} does not exist: `make apply ROOT=platform` makes it.") from error
        return self.words.__exit__(kind, error, trace)


def findings(page: dict[str, Any]) -> list[Finding]:
    """The critical ones of basic scanning, and of Amazon Inspector's where the account has that on."""
    basic = [
        Finding(each["name"], next((a["value"] for a in each.get("attributes", []) if a["key"] == "package_name"), ""))
        for each in page.get("findings", [])
        if each.get("severity") == "CRITICAL"
    ]
    enhanced = [
        Finding(told.get("vulnerabilityId") or each.get("title", ""), ", ".join(sorted(packages)))
        for each in page.get("enhancedFindings", [])
        if each.get("severity") == "CRITICAL"
        for told in [each.get("packageVulnerabilityDetails", {})]
        for packages in [{package["name"] for package in told.get("vulnerablePackages", [])}]
    ]
    return basic + enhanced
