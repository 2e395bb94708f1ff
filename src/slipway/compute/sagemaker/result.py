"""The result of a training job, out of the model.tar.gz that SageMaker made of its /opt/ml/model."""

import gzip
import json
import shutil
import tarfile
import zlib
from pathlib import Path

from slipway.errors import UserError
from slipway.files import sha256, whole_folder
from slipway.training.layout import DONE, FILES, Layout

LIMIT = 20 << 30  # bytes, unpacked
SMALL = 1 << 20  # bytes: what is read into memory as a whole
DAMAGE = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    FileExistsError,
    FileNotFoundError,
    ValueError,
    KeyError,
    TypeError,
    RecursionError,
)


class Spoiled(UserError):  # noqa: N818  # it is one
    """A result that cannot be used, however often it is fetched."""


def unpack(archive: Path, layout: Layout, hash: str) -> None:
    """Put the four files of the result of job `hash` at the layout's model/, whole.

    Raises Spoiled for an archive that is damaged, too large, or holds anything else, be it a path outside or a link,
    and for a result that is not whole or another job's; UserError where the disk is full. What stood there stays.
    """
    with whole_folder(layout.model) as fresh:
        try:
            with Stream(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
                _extract(tar, fresh)
            said = json.loads((fresh / DONE).read_text(encoding="utf-8"))
            found, whole = said["job"], said["files"] == {name: sha256(fresh / name) for name in FILES}
        except DAMAGE as error:
            raise Spoiled(f"{archive.name} holds no whole result ({error}).") from error
        if found != hash:
            raise Spoiled(f"{archive.name} holds the result of job {found}, not of {hash}.")
        if not whole:
            raise Spoiled(f"{archive.name} holds a result whose files are not as the job left them.")


class Stream(gzip.GzipFile):
    """An archive that is unpacked as it is read, and never much of it at once: a header may claim any size."""

    def read(self, size: int | None = -1) -> bytes:
        """As GzipFile's. Raises ValueError where more than a header or block of a result is asked for."""
        if size is None or not 0 <= size <= SMALL:
            raise ValueError(f"a header of {size} bytes")
        return super().read(size)


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Write the files of a result, block by block. Raises ValueError at the first member that is none."""
    room = LIMIT
    for count, member in enumerate(tar):
        name = member.name.removeprefix("./")
        if member.isdir() and name in (".", "") and not count:
            continue
        file = tar.extractfile(member) if member.isreg() and name in (*FILES, DONE) else None
        if file is None:
            raise ValueError(f"{member.name!r} is no file of a result; such an archive is refused")
        if not 0 <= member.size <= (min(room, SMALL) if name == DONE else room):
            raise ValueError(f"more than {SMALL if name == DONE else LIMIT:,} bytes unpacked")
        room -= member.size
        with file, (folder / name).open("xb") as target:
            shutil.copyfileobj(file, target)
