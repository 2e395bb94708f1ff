"""`slipway connect`: lets DVC use the project's remote, which only this checkout's settings name."""

import configparser
import io
from pathlib import Path

from slipway.delivery.github.job import variable
from slipway.errors import UserError
from slipway.files import write_whole

FILE = Path(".dvc/config.local")
REMOTE = "aws"


def run() -> None:
    """Make $SLIPWAY_DVC_REMOTE the default remote, in .dvc/config.local, and let what it gives be verified.

    Raises UserError outside the project's root, and for an address that is none of S3's.
    """
    url = variable("SLIPWAY_DVC_REMOTE")
    if not url.startswith("s3://") or any(sign.isspace() for sign in url):
        raise UserError(
            f"SLIPWAY_DVC_REMOTE={url!r}: must be s3://BUCKET/FOLDER, as terraform/platform prints it.",
        )
    if not FILE.parent.is_dir():
        raise UserError(f"{FILE.parent} is missing: run this in the root of a checkout.")
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(FILE, encoding="utf-8")
    # whoever may write to the bucket is not trusted for what it holds: each file is held against its name's hash
    settings.read_dict({"core": {"remote": REMOTE}, f"'remote \"{REMOTE}\"'": {"url": url, "verify": "true"}})
    text = io.StringIO()
    settings.write(text)
    write_whole(FILE, text.getvalue())
    print(f"DVC's remote is {url}.")
