"""Downloads that verify what they bring, and go on where they were cut."""

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import SplitResult, urlsplit

import requests
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from urllib3 import exceptions

from slipway.data.quote import quoted
from slipway.errors import UserError
from slipway.files import disk_full_in_words, sha256, write_json

BLOCK = 1 << 16
TIMEOUT = (10, 30)  # seconds to connect, seconds without a byte
WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds between attempts
BROKEN = (requests.ConnectionError, requests.Timeout, exceptions.ProtocolError, exceptions.TimeoutError)
WRONG = (requests.RequestException, exceptions.HTTPError)  # asked as it was, it will not work another time
BY_OTHER_MEANS = "Get the file by other means and give its path."


class _RetryError(Exception):
    """The attempt failed in a way that the next may not."""


def downloads() -> Path:
    """Where downloads live: beside the project that DVC was started in, so that its experiments share them."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".slipway" / "downloads"


def download(url: str, checksum: str | None, key: str, *, waits: tuple[float, ...] = WAITS) -> Path:
    """The local file of `url`. `checksum` is its hex SHA-256, `key` the configuration key that gives it.

    A verified file is not brought twice. A part that was cut stays, and the next attempt or run asks for the rest.
    Warns where neither a checksum nor the server tells whether the file is whole. Raises UserError where the server
    cannot be reached, refuses or answers with something else, and where the checksum does not fit.
    """
    parts = split_url(url)
    if parts.scheme not in ("http", "https"):
        raise UserError(f"{url}: only http and https addresses can be downloaded; give any other file by its path.")
    name = "".join(c if c.isalnum() or c in ".-_" else "_" for c in PurePosixPath(parts.path).name) or "download"
    target = downloads() / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{name}"
    with disk_full_in_words(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        with _alone(part) as file:
            if checksum is not None and target.is_file() and sha256(target) == checksum:
                _drop(part)
                return target
            end_known = _attempts(url, file, part, waits)
            found = sha256(part)
            if checksum is not None and found != checksum:
                _drop(part)
                raise UserError(
                    f"{url}: the SHA-256 of what came is {found}, {key} says {checksum}. It was thrown away. Run the "
                    f"command again; if it comes again, the file has changed: look at it, then change {key}."
                )
            if checksum is None and not end_known:
                print(
                    f"warning: {url}: the server did not say how long the file is, so it cannot be told whether it is "
                    f"whole: look at it, then set {key} (the SHA-256 of what came is {found}).",
                    file=sys.stderr,
                )
            part.replace(target)
            _stamp(part).unlink(missing_ok=True)
    return target


def split_url(url: str) -> SplitResult:
    """The parts of an address. Raises UserError for one that has none."""
    try:
        return urlsplit(url)
    except ValueError as error:
        raise UserError(f"{url}: cannot be downloaded ({error}). Check the address.") from error


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """The partial file, open for appending, while no other process writes it. An empty one does not stay."""
    while True:
        with part.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # whoever held the lock before may have moved the file away
            if not _stands(part, file):
                continue
            try:
                yield file
            finally:
                if _stands(part, file) and not part.stat().st_size:
                    _drop(part)
            return


def _stands(part: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(part.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _attempts(url: str, file: BinaryIO, part: Path, waits: tuple[float, ...]) -> bool:
    """Bring the file; returns whether the server said where it ends."""
    for wait in (*waits, None):
        try:
            return _attempt(url, file, part)
        except (_RetryError, *BROKEN) as error:
            if wait is None:
                have = os.fstat(file.fileno()).st_size
                kept = f" The {have:,} bytes that came are kept; the next run asks for the rest." if have else ""
                raise UserError(
                    f"{url}: could not be downloaded in {len(waits) + 1} attempts ({_reason(error)}). Check the "
                    "network or the proxy and run the command again, or get the file by other means and give its path."
                    f"{kept}"
                ) from error
            time.sleep(wait)
        except WRONG as error:
            raise UserError(f"{url}: cannot be downloaded ({error}). Check the address.") from error
    raise AssertionError("the last attempt returns or raises")


def _attempt(url: str, file: BinaryIO, part: Path) -> bool:
    have = os.fstat(file.fileno()).st_size
    headers = {"Accept-Encoding": "identity"}  # a checksum is of the file, not of what a server packs it into
    stamp = _read_stamp(part)
    if have and stamp:
        headers |= {"Range": f"bytes={have}-", "If-Range": stamp}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        status = response.status_code
        if status in (408, 425, 429) or status >= 500:
            raise _RetryError(f"the server answered {status} {response.reason}")
        resumed = status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        if not resumed:
            file.truncate(0)
            have = 0
        if status in (206, 416) and not resumed:
            raise _RetryError(f"the server answered {status} to a request for the rest; starting anew")
        if status != 200 and not resumed:
            raise UserError(f"{url}: the server answered {status} {response.reason}. Check the address.")
        name = part.name.split("-", 1)[1].removesuffix(".part")
        _require_unpacked(url, name, response)
        length = _length(url, response)
        total = None if length is None else have + length
        _check_space(part, (total or 0) - have)
        write_json(_stamp(part), {"validator": response.headers.get("ETag") or response.headers.get("Last-Modified")})
        # a body in chunks says where it ends too
        end_known = length is not None or response.raw.chunked
        _receive(response, file, name, have, total)
    return end_known


def _require_unpacked(url: str, name: str, response: requests.Response) -> None:
    """Raise UserError for a body that is not the file itself; some servers say "gzip" of a file that is one."""
    packed = response.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("", "identity") and not name.lower().endswith((".gz", ".tgz")):
        raise UserError(
            f"{url}: the server packed the file (Content-Encoding: {quoted(packed)}), though it was asked for the file "
            f"as it is. {BY_OTHER_MEANS}"
        )


def _length(url: str, response: requests.Response) -> int | None:
    """The bytes that the body will have; None where the server does not say. Raises UserError for what is no number."""
    length: int | None = response.raw.length_remaining
    given = response.headers.get("Content-Length")
    if length is None and given is not None and not response.raw.chunked:
        raise UserError(
            f"{url}: the server answered with Content-Length: {quoted(given)}, which is no length. {BY_OTHER_MEANS}"
        )
    return length


def _receive(response: requests.Response, file: BinaryIO, name: str, have: int, total: int | None) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total, completed=have)
        try:
            # ends in an error of its own where less than Content-Length came
            for block in response.raw.stream(BLOCK, decode_content=False):
                file.write(block)
                progress.advance(task, len(block))
        finally:
            file.flush()


def _check_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise UserError(
            f"{part}: needs {needed:,} bytes, the disk has {free:,} left. Free some space and run it again."
        )


def _stamp(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _drop(part: Path) -> None:
    part.unlink()
    _stamp(part).unlink(missing_ok=True)


def _read_stamp(part: Path) -> str | None:
    """The validator (ETag or date) of what the part is a part of: without one it cannot be continued safely."""
    try:
        value = json.loads(_stamp(part).read_text(encoding="utf-8"))["validator"]
    except (OSError, ValueError, KeyError):
        return None
    # a weak tag says "as good as the same", which two halves of a file are not
    return value if isinstance(value, str) and not value.startswith("W/") else None


def _reason(error: Exception) -> str:
    text = str(error)
    if isinstance(error, requests.ConnectionError) and "NameResolutionError" in text:
        return "its name cannot be resolved: is this machine offline?"
    return text[:200] or type(error).__name__
