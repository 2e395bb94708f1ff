"""The function's image: named by what goes in, so that it is built once.

`python -m slipway.delivery.image.tag [BUNDLE]` prints the tag, from the project's root.
"""

import hashlib
import re
import sys
from pathlib import Path

from slipway.compute.image import digests
from slipway.errors import UserError
from slipway.predictor import BundleError, Predictor

DOCKERFILE = "lambda/Dockerfile"
BUNDLE = "models/bundle"
COPY = re.compile(r"^COPY (?!--from)(.+) \S+$", re.MULTILINE)


def image_tag(bundle: Path = Path(BUNDLE)) -> str:
    """16 hex digits of the Dockerfile, the files that it copies, and what the bundle's manifest names.

    Raises UserError for a bundle that is not whole, and outside the project's root.
    """
    try:
        digest = Predictor(bundle).digest
    except BundleError as error:
        raise UserError(str(error)) from error
    return tag_of(digest)


def tag_of(digest: str) -> str:
    """The tag of the image with the bundle of this digest, which need not be here. Raises UserError as `image_tag`."""
    files = [name for name in sources() if not name.startswith(BUNDLE)]
    whole = "".join(f"{each}  {name}\n" for name, each in (digests(DOCKERFILE, *files) | {BUNDLE: digest}).items())
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def sources() -> list[str]:
    """What the Dockerfile copies from the project, in order. Raises UserError outside the project's root."""
    digests(DOCKERFILE)
    return copied(Path(DOCKERFILE).read_text(encoding="utf-8"))


def copied(dockerfile: str) -> list[str]:
    """The same, of a Dockerfile's text."""
    return [name for names in COPY.findall(dockerfile.replace("\\\n", " ")) for name in names.split()]


if __name__ == "__main__":
    try:
        print(image_tag(*map(Path, sys.argv[1:2])))
    except UserError as error:
        sys.exit(f"error: {error}")
