"""The result of a training job, out of the model.tar.gz that SageMaker made of its /opt/ml/model."""

import json
from pathlib import Path

from slipway.data.archive import tar_members
from slipway.errors import UserError
from slipway.files import sha256, whole_folder
from slipway.training.layout import DONE, FILES, Layout

LIMIT = 20 << 30  # bytes, unpacked


def unpack(archive: Path, layout: Layout, hash: str) -> None:
    """Put the four files of the result of job `hash` at the layout's model/, whole.

    Raises UserError for an archive that is damaged, too large, or holds a path outside or a link, and for a result
    that is not whole or another job's; what stood there stays.
    """
    with whole_folder(layout.model) as fresh:
        for name, data in tar_members(archive, LIMIT):
            plain = name.removeprefix("./")
            if plain in (*FILES, DONE):
                (fresh / plain).write_bytes(data)
        try:
            said = json.loads((fresh / DONE).read_text(encoding="utf-8"))
            found, whole = said["job"], said["files"] == {name: sha256(fresh / name) for name in FILES}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{archive.name} holds no whole result ({error}).") from error
        if found != hash:
            raise UserError(f"{archive.name} holds the result of job {found}, not of {hash}.")
        if not whole:
            raise UserError(f"{archive.name} holds a result whose files are not as the job left them.")
