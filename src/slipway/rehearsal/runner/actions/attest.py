"""What describes an image: a list of materials and a statement of provenance, both without a signature here."""

import json
import re
from base64 import b64encode

from slipway.rehearsal.runner.actions.docker import check_seen
from slipway.rehearsal.runner.actions.use import Use
from slipway.rehearsal.runner.machine import StepError


def describe(use: Use) -> None:
    """anchore/sbom-action: an SPDX document that names the image, and none of the packages in it.

    It asks docker for the image, and then the registry, with docker's logins: https://github.com/anchore/syft
    """
    subject = use.text("image") or use.text("path", ".")
    if use.text("format", "spdx-json") != "spdx-json":
        raise StepError("only the format spdx-json is replayed")
    if image := use.text("image"):
        check_seen(use, image)
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject,
        "documentNamespace": f"https://anchore.com/syft/image/{subject}",
        "packages": [{"SPDXID": "SPDXRef-subject", "name": subject, "downloadLocation": "NOASSERTION"}],
    }
    name = use.text("artifact-name", re.sub(r"[^\w.-]+", "-", subject) + ".spdx.json")
    file = use.inside(use.text("output-file", name)) if use.text("output-file") else use.machine.temp / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=2), encoding="utf-8")
    if use.flag("upload-artifact", True):
        use.machine.runner.artifacts.store(use.machine.origin, name, {file.name: file}, overwrite=True)


def attest(use: Use) -> None:
    """actions/attest-build-provenance: refused without its permissions, and for what is no digest."""
    for permission in ("id-token", "attestations"):
        if use.machine.permissions.get(permission) != "write":
            raise StepError(f'missing "{permission}" permission: `permissions: {permission}: write`')
    name, digest = use.required("subject-name"), use.required("subject-digest")
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise StepError('subject-digest must be in the format "sha256:<hex-digest>"')
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {"externalParameters": {"workflow": use.machine.origin.claims("", "", False)}}
        },
    }
    payload = b64encode(json.dumps(statement).encode()).decode()
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {},
        "dsseEnvelope": {"payload": payload, "payloadType": "application/vnd.in-toto+json", "signatures": []},
    }
    file = use.machine.temp / "attestation.json"
    file.write_text(json.dumps(bundle), encoding="utf-8")
    use.machine.runner.github.attested(digest, bundle)
    use.outputs |= {"bundle-path": str(file)}
