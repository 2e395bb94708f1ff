"""The manifest of a bundle, and whether its files are those that it names."""

import hashlib
import json
from mmap import ACCESS_READ, mmap
from pathlib import Path
from threading import Thread
from typing import Any, BinaryIO

SCHEMA_VERSION = 1
AT_ONCE = 2**25  # bytes that are mapped, and so in memory, while a file is hashed
MANIFEST_KEYS = {
    *("schema_version", "digest", "name", "precision", "labels", "max_length", "pad_id", "unk_id", "token_budget"),
    *("limits", "temperature", "tolerance", "recorded", "made_from", "files"),
}


class BundleError(Exception):
    """The bundle is not what its manifest says, or not for this predictor: the message names the file."""


class Verification:
    """Compares the files of a bundle with its manifest, beside whatever this process does next.

    Hashing is a good part of a cold start, and needs nothing that the rest of it does: imports go on meanwhile.
    Raises BundleError for a manifest that is none.
    """

    def __init__(self, bundle: Path) -> None:
        self._manifest = read_manifest(bundle)
        self._fault: Exception | None = None
        self._thread = Thread(target=self._verify, args=(bundle,), daemon=True)
        self._thread.start()

    def manifest(self) -> dict[str, Any]:
        """The manifest, once all files are compared. Raises BundleError with the name of one that is not as it says."""
        self._thread.join()
        if self._fault is not None:
            raise self._fault
        return self._manifest

    def _verify(self, bundle: Path) -> None:
        try:
            verify_files(bundle, self._manifest["files"])
        except Exception as error:
            self._fault = error


def read_manifest(bundle: Path) -> dict[str, Any]:
    """The manifest of a bundle, checked against its own digest and this predictor's schema. Raises BundleError."""
    path = bundle / "manifest.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read ({error.strerror}): is {bundle} a bundle?") from error
    try:
        manifest = json.loads(content)
        version, digest = manifest["schema_version"], manifest["digest"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{path} is damaged: it is no manifest any more. Make or fetch the bundle anew.") from error
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise BundleError(
            f"{path} has schema version {version!r}, this predictor reads up to {SCHEMA_VERSION}: "
            "the bundle was made by newer code, deploy it with that."
        )
    if digest != digest_of(content, str(digest)):
        raise BundleError(f"{path} was altered: its digest does not match its content. Make or fetch the bundle anew.")
    for what, keys in (("unknown", set(manifest) - MANIFEST_KEYS), ("missing", MANIFEST_KEYS - set(manifest))):
        if keys:
            raise BundleError(f"{path}: {what} key {', '.join(sorted(keys))} for schema version {version}.")
    return dict(manifest)


def digest_of(content: bytes, digest: str) -> str:
    """SHA-256 of a manifest's bytes with zeros where its own digest stands: the identity of the whole bundle."""
    return hashlib.sha256(content.replace(digest.encode("utf-8", "replace"), b"0" * 64, 1)).hexdigest()


def verify_files(bundle: Path, files: dict[str, dict[str, Any]]) -> None:
    """Compare every file with the size and SHA-256 in the manifest. Raises BundleError with the file's name."""
    for name in sorted({"model.onnx", "tokenizer.json"} | set(files)):
        path = bundle / name
        if name not in files:
            raise BundleError(f"{path} is not in the manifest. Make or fetch the bundle anew.")
        if Path(name).name != name or "\0" in name:
            raise BundleError(f"{bundle / 'manifest.json'}: {name!r} lies outside the bundle.")
        try:
            with path.open("rb") as file:
                size = path.stat().st_size
                same = {"bytes": size, "sha256": sha256(file, size)} == files[name]
        except OSError as error:
            raise BundleError(f"{path} cannot be read ({error.strerror}). Make or fetch the bundle anew.") from error
        if not same:
            raise BundleError(f"{path} was altered: its SHA-256 is not the manifest's. Make or fetch the bundle anew.")


def sha256(file: BinaryIO, size: int) -> str:
    """Hex SHA-256 of an open file of `size` bytes, in few calls: between two, other threads make it wait."""
    digest = hashlib.sha256()
    for start in range(0, size, AT_ONCE):
        with mmap(file.fileno(), min(AT_ONCE, size - start), access=ACCESS_READ, offset=start) as content:
            digest.update(content)
    return digest.hexdigest()
