"""Inputs on S3, under the hash of what they hold: what is there is not sent again, and nothing there ever changes."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from slipway.compute.folder import PROJECT
from slipway.compute.job import PACKAGE
from slipway.files import sha256

SOURCE = "source.tar.gz"


class Uploads:
    """The folder PROJECT/inputs of a bucket; `s3` is a boto3 client."""

    def __init__(self, s3: Any, bucket: str, kms_key: str | None) -> None:
        self.s3, self.bucket = s3, bucket
        self.extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}

    def folder(self, channel: str, files: Iterable[Path], root: Path) -> str:
        """Send `files` of the folder `root`, each under its name there; returns the prefix that holds them all."""
        hashes = {path.relative_to(root).as_posix(): sha256(path) for path in sorted(files)}
        digest = hashlib.sha256("".join(f"{name}\0{value}\n" for name, value in hashes.items()).encode()).hexdigest()
        prefix = f"{PROJECT}/inputs/{channel}/{digest}/"
        for name in hashes:
            if not self._has(prefix + name, (root / name).stat().st_size):
                with (root / name).open("rb") as file:  # upload_file would hide what AWS answers
                    self.s3.upload_fileobj(file, self.bucket, prefix + name, ExtraArgs=self.extra)
        return f"s3://{self.bucket}/{prefix}"

    def code(self) -> str:
        """Send the package `slipway` as one tarball; returns its prefix."""
        tarball = source()
        prefix = f"{PROJECT}/inputs/code/{hashlib.sha256(tarball).hexdigest()}/"
        if not self._has(prefix + SOURCE, len(tarball)):
            self.s3.upload_fileobj(io.BytesIO(tarball), self.bucket, prefix + SOURCE, ExtraArgs=self.extra)
        return f"s3://{self.bucket}/{prefix}"

    def _has(self, key: str, size: int) -> bool:
        """Whether the object is there; the name holds the hash, so its size tells a whole one."""
        try:
            return bool(self.s3.head_object(Bucket=self.bucket, Key=key)["ContentLength"] == size)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return False
            raise


def source() -> bytes:
    """The package's Python files as a tar.gz: the same files give the same bytes, whatever their owners and times."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(PACKAGE.rglob("*.py")):
            entry = tarfile.TarInfo(path.relative_to(PACKAGE.parent).as_posix())
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    return packed.getvalue()
