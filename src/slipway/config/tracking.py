"""Schema of `conf/tracking/`: where runs are recorded."""

import re
from urllib.parse import urlsplit

from pydantic import Field

from slipway.config.section import Section

# user:password@ or token@ after ://; a password may hold any sign but a blank, and a port is none
USERINFO = re.compile(r"(?<=://)(?:[^\s/:@]*:(?!\d+/)\S*|[^\s/]*)@")

# ?password=..., &access_token=...
SECRET = re.compile(r"([?&][^=&\s]*(?:pass|token|secret|key)[^=&\s]*=)[^&\s]+", re.IGNORECASE)


# addresses of whoever asks
HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104


class TrackingConfig(Section):
    """An MLflow server or file, or none."""

    uri: str | None = Field(min_length=1)
    experiment: str = Field(min_length=1)
    registered_model: str = Field(min_length=1)
    system_metrics: bool


def is_told_elsewhere(uri: str) -> bool:
    """Whether a tracking address means something to another machine: no file or database, and no server on loopback."""
    parts = urlsplit(uri)
    return parts.scheme in ("http", "https", "arn") and parts.hostname not in HERE


def without_password(text: str) -> str:
    """The text with the user and password of every URI in it left out: `http://user:secret@host` is `http://host`."""
    return SECRET.sub(r"\1...", USERINFO.sub("", text))
