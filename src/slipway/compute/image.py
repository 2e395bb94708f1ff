"""The training image: named by what goes in, so that it is built once.

`python -m slipway.compute.image cpu|gpu` prints the tag, from the project's root.
"""

import hashlib
import sys
from pathlib import Path

from slipway.errors import UserError
from slipway.files import sha256

DEVICES = ("cpu", "gpu")
# the exact release of all that trains, whatever the device: part of a job's identity
LOCK = ("docker/requirements.txt", "docker/torch-cpu.txt", "docker/torch-gpu.txt")


def image_tag(device: str) -> str:
    """`HASH-cpu` or `HASH-gpu`: 16 hex digits of the device's lock, the Dockerfile and `train`.

    Raises UserError for another device, and outside the project's root.
    """
    if device not in DEVICES:
        raise UserError(f"{device!r}: a training image is for one of {', '.join(DEVICES)}.")
    names = ("docker/requirements.txt", f"docker/torch-{device}.txt", "docker/train", "docker/train.Dockerfile")
    whole = "".join(f"{digest}  {name}\n" for name, digest in digests(*names).items())
    return f"{hashlib.sha256(whole.encode()).hexdigest()[:16]}-{device}"


def digests(*names: str) -> dict[str, str]:
    """The SHA-256 of files of the project by name. Raises UserError where one is missing."""
    try:
        return {name: sha256(Path(name)) for name in names}
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing: run this in the root of a whole checkout.") from error


if __name__ == "__main__":
    try:
        print(image_tag(*sys.argv[1:2] or [""]))
    except UserError as error:
        sys.exit(f"error: {error}")
