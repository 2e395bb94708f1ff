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
            with tarfile.open(archive, "r:gz") as tar:
                _extract(tar, fresh)
            said = json.loads((fresh / DONE).read_text(encoding="utf-8"))
            found, whole = said["job"], said["files"] == {name: sha256(fresh / name) for name in FILES}
        except DAMAGE as error:
            raise Spoiled(f"{archive.name} holds no whole result ({error}).") from error
        if found != hash:
            raise Spoiled(f"{archive.name} holds the result of job {found}, not of {hash}.")
        if not whole:
            raise Spoiled(f"{archive.name} holds a result whose files are not as the job left them.")


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Write the files of a result, block by block. Raises ValueError at the first member that is none."""
    room = LIMIT
    for member in tar:
        name = member.name.removeprefix("./")
        if member.isdir() and name in (".", ""):
            continue
        file = tar.extractfile(member) if member.isreg() and name in (*FILES, DONE) else None
        if file is None:
            raise ValueError(f"{member.name!r} is no file of a result; such an archive is refused")
        room -= member.size
        if room < 0:
            raise ValueError(f"more than {LIMIT:,} bytes unpacked")
        with file, (folder / name).open("xb") as target:
            shutil.copyfileobj(file, target)
