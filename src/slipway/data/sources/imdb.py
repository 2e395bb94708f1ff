"""Film reviews of the Stanford tarball (Maas et al. 2011)."""

import re

from slipway.config.data import Imdb
from slipway.data.archive import tar_members
from slipway.data.rows import Raw, Row
from slipway.data.sources.labelled_csv import bring
from slipway.errors import UserError
from slipway.files import sha256

REVIEW = re.compile(r"aclImdb/(train|test)/(neg|pos)/[^/]+\.txt")
LABELS = {"neg": "negative", "pos": "positive"}
LINE_BREAK = re.compile(r"<br\s*/?>")


def read(config: Imdb) -> Raw:
    """The labelled reviews with their official split, in the order of their names."""
    path = bring(config.url, config.sha256, "data.source.sha256")
    rows = []
    for name, data in tar_members(path):
        match = REVIEW.fullmatch(name)
        if match is None:
            continue
        try:
            text = LINE_BREAK.sub(" ", data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: {name}: byte {error.start} is not UTF-8.") from error
        rows.append(Row(text, LABELS[match[2]], match[1], name))
    if not rows:
        raise UserError(f"{path}: no review under aclImdb/(train|test)/(neg|pos)/; that is not the Stanford tarball.")
    rows.sort(key=lambda row: row.origin)
    facts = {
        "from": config.url,
        "sha256": sha256(path),
        "licence": "see https://ai.stanford.edu/~amaas/data/sentiment/",
        "by": "Maas et al. 2011, https://aclanthology.org/P11-1015",
    }
    return Raw(rows, facts)
