"""What GitHub keeps of where files and images come from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.rehearsal.github.call import Answer, Call, Json

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub


@dataclass(frozen=True)
class Attestation:
    """A statement about what has that digest (`sha256:HEX`), in a Sigstore bundle."""

    digest: str
    bundle: Json


def list_attestations(github: "GitHub", call: Call) -> Answer:
    """Those about a digest; an empty list where there is none."""
    found = [each for each in github.attestations if each.digest == call.words["subject_digest"]]
    return Answer(body={"attestations": [{"repository_id": github.number, "bundle": each.bundle} for each in found]})
