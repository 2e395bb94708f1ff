"""ECR's images with their layers, kept as files: what is pushed is there to be run, and nothing else is.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from moto.ecr.models import Image, Repository, ecr_backends

from slipway.rehearsal.aws.call import ACCOUNT, AwsError, Call

BLOBS = "/-/layers/"  # where the account's server hands layers out
PART_BYTES = 20 * 1024 * 1024  # of a part, but the last
PART_LEAST = 5 * 1024 * 1024
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
Found = dict[str, Any]


class Registry:
    """The layers of one account in `folder`, and what scans have found; moto keeps repositories and manifests."""

    def __init__(self) -> None:
        self.folder, self.url = Path(), ""
        self.uploads: dict[str, bytearray] = {}
        self.layers: dict[tuple[str, str], set[str]] = {}  # of a repository, by region and name
        self.findings: dict[str, list[Found]] = {}  # of an image, by tag or digest
        self.scan_seconds = 0.0  # that a scan takes
        self._actions: dict[str, Callable[[Call, Repository], Found]] = {
            "InitiateLayerUpload": self._initiate,
            "UploadLayerPart": self._upload,
            "CompleteLayerUpload": self._complete,
            "BatchCheckLayerAvailability": self._check,
            "PutImage": self._put_image,
            "GetDownloadUrlForLayer": self._url,
            "DescribeImageScanFindings": self._scan,
        }

    def knows(self, call: Call) -> bool:
        """Whether it answers the call itself."""
        return call.service == "ecr" and call.action in self._actions

    def answer(self, call: Call) -> Found:
        """The answer of AWS; raises AwsError."""
        name = call.body["repositoryName"]
        repository = ecr_backends[ACCOUNT][call.region].repositories.get(name)
        if repository is None:
            why = f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"
            raise AwsError("RepositoryNotFoundException", why)
        told = {"registryId": ACCOUNT, "repositoryName": name}
        return told | self._actions[call.action](call, repository)

    # what a test asks for

    def critical(self, image: str, vulnerability: str, severity: str = "CRITICAL") -> None:
        """A scan of the image of that tag or digest, past or to come, finds a vulnerability."""
        uri = f"https://nvd.nist.gov/vuln/detail/{vulnerability}"
        self.findings.setdefault(image, []).append(
            {"name": vulnerability, "severity": severity, "uri": uri, "description": "", "attributes": []}
        )

    def manifest(self, address: str) -> tuple[str, Found]:
        """Digest and manifest of REPOSITORY:TAG or REPOSITORY@DIGEST with the registry's host.

        Raises KeyError where there is none.
        """
        host, _, rest = address.partition("/")
        name, _, digest = rest.partition("@")
        name, _, tag = name.partition(":")
        repository = ecr_backends[ACCOUNT][host.split(".")[3]].repositories[name]
        for image in repository.images:
            if image.get_image_digest() == digest if digest else (tag or "latest") in image.image_tags:
                return image.get_image_digest(), json.loads(image.image_manifest)
        raise KeyError(address)

    def blob(self, digest: str) -> Path:
        """The file of a layer or configuration."""
        return self.folder / digest.removeprefix("sha256:")

    # actions

    def _initiate(self, call: Call, repository: Repository) -> Found:
        upload = str(uuid.uuid4())
        self.uploads[upload] = bytearray()
        return {"uploadId": upload, "partSize": PART_BYTES}

    def _part(self, call: Call) -> bytearray:
        upload = call.body["uploadId"]
        if upload not in self.uploads:
            why = f"The upload with id '{upload}' does not exist in the repository"
            raise AwsError("UploadNotFoundException", why)
        return self.uploads[upload]

    def _upload(self, call: Call, repository: Repository) -> Found:
        so_far, first, last = self._part(call), call.body["partFirstByte"], call.body["partLastByte"]
        part = base64.b64decode(call.body["layerPartBlob"])
        if first != len(so_far) or last - first + 1 != len(part):
            raise AwsError("InvalidLayerPartException", f"Layer part does not begin at byte {len(so_far)}, or is cut")
        so_far += part
        return {"uploadId": call.body["uploadId"], "lastByteReceived": len(so_far) - 1}

    def _complete(self, call: Call, repository: Repository) -> Found:
        content, told = bytes(self._part(call)), call.body["layerDigests"][0]
        if not content:
            raise AwsError("EmptyUploadException", "The specified layer upload does not contain any layer parts.")
        digest = f"sha256:{sha256(content).hexdigest()}"
        if digest != told:
            raise AwsError("InvalidLayerException", f"Layer digest {told} does not match: it is {digest}")
        if digest in self._of(call):
            why = f"Layer with digest '{digest}' already exists in the repository with name '{repository.name}'"
            raise AwsError("LayerAlreadyExistsException", why)
        del self.uploads[call.body["uploadId"]]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.blob(digest).write_bytes(content)
        self._of(call).add(digest)
        return {"uploadId": call.body["uploadId"], "layerDigest": digest}

    def _of(self, call: Call) -> set[str]:
        return self.layers.setdefault((call.region, call.body["repositoryName"]), set())

    def _check(self, call: Call, repository: Repository) -> Found:
        there, failures = [], []
        for digest in call.body["layerDigests"]:
            if digest in self._of(call):
                size = self.blob(digest).stat().st_size
                told = {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size, "mediaType": LAYER}
                there.append(told)
            elif DIGEST.fullmatch(digest):
                failures.append({"layerDigest": digest, "failureCode": "MissingLayerDigest"})
            else:
                failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest"})
        return {"layers": there, "failures": failures}

    def _put_image(self, call: Call, repository: Repository) -> Found:
        text, tag = call.body["imageManifest"], call.body.get("imageTag")
        try:
            manifest = json.loads(text)
        except ValueError:
            raise AwsError("InvalidParameterException", "The image manifest is no JSON") from None
        kind = call.body.get("imageManifestMediaType") or manifest.get("mediaType")
        digest = f"sha256:{sha256(text.encode()).hexdigest()}"
        if call.body.get("imageDigest", digest) != digest:
            why = f"Image digest {call.body['imageDigest']} does not match: it is {digest}"
            raise AwsError("ImageDigestDoesNotMatchException", why)
        blobs = [each["digest"] for each in [manifest.get("config"), *manifest.get("layers", [])] if each]
        if missing := [each for each in blobs if each not in self._of(call)]:
            why = f"The following layers do not exist in the repository with name '{repository.name}': {missing}"
            raise AwsError("LayersNotFoundException", why)
        old = next((image for image in repository.images if tag and tag in image.image_tags), None)
        same = next((image for image in repository.images if image.get_image_digest() == digest), None)
        if same is not None and (old is same or tag is None):
            why = f"Image with digest '{digest}' and tag '{tag}' already exists in the repository"
            raise AwsError("ImageAlreadyExistsException", why)
        if old is not None and repository.is_tag_immutable():
            why = (
                f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten "
                "because the repository is immutable."
            )
            raise AwsError("ImageTagAlreadyExistsException", why)
        if old is not None:
            old.remove_tag(tag)
        if same is None:
            same = Image(ACCOUNT, tag, text, repository.name, kind, digest)
            repository.images.append(same)
        elif tag is not None:
            same.update_tag(tag)
        identity = {"imageDigest": digest} | ({"imageTag": tag} if tag else {})
        told = {"registryId": ACCOUNT, "repositoryName": repository.name, "imageId": identity}
        return {"image": told | {"imageManifest": text, "imageManifestMediaType": kind}}

    def _url(self, call: Call, repository: Repository) -> Found:
        digest = call.body["layerDigest"]
        if digest not in self._of(call):
            why = f"The layer with digest '{digest}' does not exist in the repository with name '{repository.name}'"
            raise AwsError("LayersNotFoundException", why)
        return {"layerDigest": digest, "downloadUrl": f"{self.url}{BLOBS}{digest}"}

    def _scan(self, call: Call, repository: Repository) -> Found:
        asked = call.body["imageId"]
        names = {asked.get("imageTag"), asked.get("imageDigest")}
        image = next((each for each in repository.images if names & {each.get_image_digest(), *each.image_tags}), None)
        if image is None:
            why = f"The image with imageId {asked} does not exist within the repository '{repository.name}'"
            raise AwsError("ImageNotFoundException", why)
        if not repository.image_scanning_configuration.get("scanOnPush"):
            why = f"Image scan does not exist for the image with '{asked}' in the repository '{repository.name}'"
            raise AwsError("ScanNotFoundException", why)
        digest = image.get_image_digest()
        found = [each for name in (digest, *image.image_tags) for each in self.findings.get(name, [])]
        severities = [each["severity"] for each in found]
        identity = {"imageDigest": digest} | ({"imageTag": asked["imageTag"]} if "imageTag" in asked else {})
        if time.time() < image.image_pushed_at + self.scan_seconds:
            return {"imageId": identity, "imageScanStatus": {"status": "IN_PROGRESS"}}
        if json.loads(image.image_manifest).get("mediaType") in INDEXES:
            status = {"status": "UNSUPPORTED_IMAGE", "description": "An index is not scanned"}
            return {"imageId": identity, "imageScanStatus": status}
        return {
            "imageId": identity,
            "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
            "imageScanFindings": {
                "imageScanCompletedAt": image.image_pushed_at + self.scan_seconds,
                "findingSeverityCounts": {each: severities.count(each) for each in set(severities)},
                "findings": found,
            },
        }
