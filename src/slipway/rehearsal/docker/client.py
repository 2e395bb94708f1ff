"""A stand-in for docker, as much of it as the product asks for: `install` puts it on a PATH.

`build` really copies what the Dockerfile copies into layers, `push` really pushes them to the registry that
AWS_ENDPOINT_URL names, in the caller's credentials. Nothing is run. Images are kept in $SLIPWAY_DOCKER, or else in the
home, and logins in $DOCKER_CONFIG, as docker does.
"""

import base64
import gzip
import io
import json
import os
import shlex
import stat
import sys
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from slipway.rehearsal.docker.dockerfile import DockerfileError, Files, build

KEPT = "SLIPWAY_DOCKER"
CONFIG = "application/vnd.docker.container.image.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
PART_BYTES = 20 * 1024 * 1024
# options of `build`: with a value, and without
VALUED = {"--file": "file", "-f": "file", "--tag": "tag", "-t": "tag", "--build-arg": "argument"} | {
    f"--{name}": name for name in ("platform", "provenance", "sbom", "metadata-file", "target", "iidfile", "output")
}
PLAIN = {"--push", "--load", "--quiet", "-q", "--pull", "--no-cache", "--progress=plain"}


class DockerError(Exception):
    """What docker says on standard error."""


def install(folder: Path) -> dict[str, str]:
    """Make a command `docker` in `folder`; returns what a process that is to find it must have in its environment."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "docker"
    source = Path(__file__).resolve().parents[3]
    code = (
        f"import sys\nsys.path.insert(0, {str(source)!r})\n"
        "from slipway.rehearsal.docker.client import main\nsys.exit(main(sys.argv[1:]))"
    )
    # by the shell: a first line that names a Python ends at the first space of its path
    words = shlex.join([sys.executable, "-P", "-c", code])
    command.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(folder), KEPT: str(folder / "images"), "DOCKER_CONFIG": str(folder / "config")}


def main(words: list[str]) -> int:
    """Run one command; returns the exit status."""
    try:
        match words:
            case ["login", *rest]:
                login(rest, sys.stdin.read())
            case ["buildx", "build", *rest]:
                print(build_image(rest, attested=True))
            case ["build", *rest]:
                print(build_image(rest, attested=False))
            case ["push", image] if not image.startswith("-"):
                print(f"{image}: digest: {push(image)}")
            case ["tag", source, target]:
                tags = read_tags()
                write_tags(tags | {target: tags[named(source)]})
            case ["image", "inspect", image]:
                print(json.dumps([inspect(image)], indent=4))
            case ["manifest", "inspect", image]:
                print(fetch_manifest(image))
            case _:
                raise DockerError(f"docker: unknown command: docker {' '.join(words)}")
    except (DockerError, DockerfileError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


def login(words: list[str], password: str) -> None:
    """`docker login --username AWS --password-stdin HOST`, with what GetAuthorizationToken gave."""
    match words:
        case ["--username", "AWS", "--password-stdin", host] | ["--username=AWS", "--password-stdin", host]:
            pass
        case _:
            raise DockerError(f"docker login: unknown options: {' '.join(words)}")
    told = ecr().get_authorization_token()["authorizationData"][0]
    if base64.b64decode(told["authorizationToken"]).decode() != f"AWS:{password.strip()}" or ".dkr.ecr." not in host:
        raise DockerError("login attempt failed with status: 400 Bad Request")
    file = config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    auth = {host: {"auth": base64.b64encode(f"AWS:{password.strip()}".encode()).decode()}}
    file.write_text(json.dumps({"auths": logins() | auth}), encoding="utf-8")
    print("Login Succeeded")


def build_image(words: list[str], attested: bool) -> str:
    """Build an image and keep it; returns its digest. `attested` is whether it gets provenance where nothing is said.

    Raises DockerError, DockerfileError.
    """
    options: dict[str, list[str]] = {}
    flags: set[str] = set()
    folders = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word in PLAIN:
            flags.add(word)
        elif name in VALUED:
            options.setdefault(VALUED[name], []).append(value if equals else next(rest, ""))
        elif word.startswith("-"):
            raise DockerError(f"unknown flag: {word}")
        else:
            folders.append(word)
    if len(folders) != 1:
        raise DockerError(f'"docker build" requires exactly 1 argument, a folder: {folders}')
    context = Path(folders[0])
    file = Path(options["file"][-1]) if "file" in options else context / "Dockerfile"
    if not file.is_file():
        raise DockerError(f"failed to read dockerfile: open {file}: no such file or directory")
    arguments = dict(each.partition("=")[::2] for each in options.get("argument", []))
    stage = build(file, context, arguments, options.get("target", [""])[-1])
    platform = options.get("platform", ["linux/amd64"])[-1]
    tars = [archive(layer) for layer in stage.layers]
    config = {
        "architecture": platform.partition("/")[2],
        "os": platform.partition("/")[0],
        "config": {"Env": [f"{name}={value}" for name, value in stage.environment.items()], **stage.settings},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(each) for each in tars]},
    }
    manifest = keep(config, [gzip.compress(each, 6, mtime=0) for each in tars])
    # what buildx makes unless told not to, and Lambda refuses
    attested = options.get("provenance", ["true" if attested else "false"])[-1] != "false"
    digest = keep_index(manifest, platform) if attested else manifest
    write_tags(read_tags() | {named(tag): digest for tag in options.get("tag", [])})
    if "--push" in flags:
        for tag in options.get("tag", []):
            push(tag)
    for path in options.get("metadata-file", []):
        told = {"containerimage.digest": digest, "image.name": ",".join(options.get("tag", []))}
        Path(path).write_text(json.dumps(told), encoding="utf-8")
    for path in options.get("iidfile", []):
        Path(path).write_text(digest, encoding="utf-8")
    return digest


def archive(files: Files) -> bytes:
    """A tar of a layer's files, the same each time: no times, no owners, sorted."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), 0o755 if content.startswith(b"#!") else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def keep(config: Mapping[str, Any], layers: list[bytes]) -> str:
    """Keep an image; returns its manifest's digest."""
    text = json.dumps(config, sort_keys=True).encode()
    described = [{"mediaType": LAYER, "size": len(each), "digest": keep_blob(each)} for each in layers]
    top = {"mediaType": CONFIG, "size": len(text), "digest": keep_blob(text)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": top, "layers": described}
    return keep_blob(json.dumps(manifest, sort_keys=True).encode())


def keep_index(manifest: str, platform: str) -> str:
    """Keep an index of one image; returns its digest."""
    system, _, machine = platform.partition("/")
    entry = {"mediaType": MANIFEST, "digest": manifest, "size": len(blob(manifest))}
    entry |= {"platform": {"os": system, "architecture": machine}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    return keep_blob(json.dumps(index, sort_keys=True).encode())


def fetch_manifest(image: str) -> str:
    """The manifest of ADDRESS@DIGEST, as the registry has it. Raises DockerError where it tells none."""
    address, _, digest = image.partition("@")
    host, _, repository = address.partition("/")
    if host not in logins():
        raise DockerError("no basic auth credentials")
    found = ecr().batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])["images"]
    if not found:
        raise DockerError(f"no such manifest: {image}")
    return str(found[0]["imageManifest"])


def push(image: str) -> str:
    """Push an image, layers first; returns its digest. Raises DockerError where the registry refuses it."""
    host, _, rest = named(image).partition("/")
    repository, _, tag = rest.rpartition(":")
    digest = read_tags().get(named(image))
    if digest is None:
        raise DockerError(f"An image does not exist locally with the tag: {image.rpartition(':')[0]}")
    if host not in logins():
        raise DockerError("no basic auth credentials")
    from botocore.exceptions import ClientError

    try:
        push_manifest(ecr(), repository, digest, tag)
    except ClientError as error:
        told = error.response["Error"]
        raise DockerError(f"failed to push {image}: {told['Code']}: {told['Message']}") from error
    return digest


def push_manifest(client: Any, repository: str, digest: str, tag: str | None) -> None:
    """Push a manifest and all that it names."""
    manifest = json.loads(blob(digest))
    for each in manifest.get("manifests", []):
        push_manifest(client, repository, each["digest"], None)
    names = [each["digest"] for each in [*manifest.get("layers", []), manifest.get("config")] if each]
    if names:
        there = client.batch_check_layer_availability(repositoryName=repository, layerDigests=names)["layers"]
        for name in {*names} - {each["layerDigest"] for each in there}:
            push_layer(client, repository, name)
    told = {"imageTag": tag} if tag else {}
    # docker says nothing of one that is there either
    with suppress(client.exceptions.ImageAlreadyExistsException):
        client.put_image(repositoryName=repository, imageManifest=blob(digest).decode(), **told)


def push_layer(client: Any, repository: str, digest: str) -> None:
    """Upload a layer part by part."""
    content = blob(digest)
    upload = client.initiate_layer_upload(repositoryName=repository)["uploadId"]
    where = {"repositoryName": repository, "uploadId": upload}
    for first in range(0, len(content), PART_BYTES):
        part = content[first : first + PART_BYTES]
        client.upload_layer_part(**where, partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part)
    client.complete_layer_upload(**where, layerDigests=[digest])


def inspect(image: str) -> dict[str, Any]:
    """What is known of an image, by its name or as ADDRESS@DIGEST. Raises DockerError where there is none."""
    known = read_tags()
    by_digest = {f"{tag.rpartition(':')[0]}@{each}": each for tag, each in known.items()}
    digest = by_digest.get(image) or known.get(named(image))
    if digest is None:
        raise DockerError(f"Error response from daemon: No such image: {image}")
    manifest = json.loads(blob(digest))
    if "manifests" in manifest:
        manifest = json.loads(blob(manifest["manifests"][0]["digest"]))
    config = json.loads(blob(manifest["config"]["digest"]))
    tags = [tag for tag, each in known.items() if each == digest]
    repositories = sorted({tag.rpartition(":")[0] for tag in tags})
    return {
        "Id": manifest["config"]["digest"],
        "RepoTags": tags,
        "RepoDigests": [f"{each}@{digest}" for each in repositories],
        "Architecture": config["architecture"],
        "Os": config["os"],
        "Config": config["config"],
        "RootFS": {"Type": "layers", "Layers": config["rootfs"]["diff_ids"]},
        "Size": sum(each["size"] for each in manifest["layers"]),
    }


def named(image: str) -> str:
    """The whole name of an image."""
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"


def kept() -> Path:
    """The folder of images."""
    folder = Path(os.environ.get(KEPT) or Path.home() / ".docker-images")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep_blob(content: bytes) -> str:
    """Keep a content; returns its digest."""
    digest = digest_of(content)
    (kept() / digest.removeprefix("sha256:")).write_bytes(content)
    return digest


def blob(digest: str) -> bytes:
    """A content that is kept."""
    return (kept() / digest.removeprefix("sha256:")).read_bytes()


def digest_of(content: bytes) -> str:
    """Its name in a registry."""
    return f"sha256:{sha256(content).hexdigest()}"


def read_tags() -> dict[str, str]:
    """Digests by whole name."""
    file = kept() / "tags.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def write_tags(tags: Mapping[str, str]) -> None:
    """Keep them."""
    (kept() / "tags.json").write_text(json.dumps(tags), encoding="utf-8")


def config_file() -> Path:
    """Where logins are kept."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def logins() -> dict[str, Any]:
    """What was told at a login, by host."""
    file = config_file()
    return json.loads(file.read_text(encoding="utf-8"))["auths"] if file.is_file() else {}


def ecr() -> Any:
    """The registry, in the caller's credentials."""
    import boto3

    return boto3.client("ecr")
