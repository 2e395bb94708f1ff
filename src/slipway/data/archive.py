"""Archives, read without unpacking anything onto the disk."""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from slipway.data.quote import listed, quoted
from slipway.errors import UserError

LIMIT = 2 << 30  # bytes that an archive may hold unpacked


def zip_member(path: Path, name: str, limit: int = LIMIT) -> bytes:
    """The bytes of one file in a zip.

    Raises UserError for a bad archive, a name that leads outside, a missing file, one of more than `limit` bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _refuse_outside(path, member.filename)
            names = archive.namelist()
            if name not in names:
                raise UserError(f"{path}: has no file {name!r}; it has: {listed([quoted(each) for each in names])}.")
            with archive.open(name) as file:
                data = file.read(limit + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"{path}: not a zip that can be read ({error}). Delete it and fetch again.") from error
    if len(data) > limit:
        raise UserError(f"{path}: {name} is larger than {limit:,} bytes unpacked; that is not the expected archive.")
    return data


def tar_members(path: Path, limit: int = LIMIT) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each regular file in a tarball, in its order.

    Raises UserError for a bad archive, a name that leads outside, a link or device, more than `limit` bytes together.
    """
    room = limit
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                _refuse_outside(path, member.name)
                if member.isdir():
                    continue
                file = archive.extractfile(member) if member.isreg() else None
                if file is None:
                    raise UserError(f"{path}: {quoted(member.name)} is a link or a device; such an archive is refused.")
                room -= member.size
                if room < 0:
                    raise UserError(f"{path}: more than {limit:,} bytes unpacked; that is not the expected archive.")
                yield member.name, file.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise UserError(f"{path}: not a tarball that can be read ({error}). Delete it and fetch again.") from error


def _refuse_outside(path: Path, name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or name[1:2] == ":":
        raise UserError(f"{path}: holds {quoted(name)}, a path that leads outside; such an archive is refused.")
