"""Headlines of the UCI News Aggregator (Gasparetti 2016)."""

import hashlib

from slipway.config.data import NewsAggregator
from slipway.data.archive import zip_member
from slipway.data.quote import listed, quoted
from slipway.data.rows import Raw, Row
from slipway.data.sources.delimited import Format, records
from slipway.data.sources.labelled_csv import bring
from slipway.errors import UserError
from slipway.files import sha256

# as the data set's readme lists them; the file itself names none
NAMES = ("id", "title", "url", "publisher", "category", "story", "hostname", "timestamp")


def read(config: NewsAggregator) -> Raw:
    """The headlines of the chosen publishers. Raises UserError where file, checksum or labels are not the expected."""
    path = bring(config.url, config.sha256, "data.source.sha256")
    data = zip_member(path, config.member)
    found = hashlib.sha256(data).hexdigest()
    if config.member_sha256 not in (None, found):
        raise UserError(
            f"{path}: the SHA-256 of {config.member} is {found}, data.source.member_sha256 says {config.member_sha256}."
        )
    rows = []
    wanted = set(config.publishers)
    shape = Format("\t", "none", "utf-8", NAMES)
    for line, (title, publisher, category) in records(config.member, data, shape, ["title", "publisher", "category"]):
        if wanted and publisher not in wanted:
            continue
        where = f"{config.member}:{line}"
        if category not in config.labels:
            raise UserError(
                f"{where}: column category: the label {quoted(category)} is not in data.source.labels "
                f"({listed(list(config.labels))})."
            )
        rows.append(Row(title, config.labels[category], None, where))
    if not rows:
        raise UserError(f"{path}: no headline of data.source.publishers ({listed(config.publishers)}).")
    facts = {
        "from": config.url,
        "sha256": sha256(path),
        "member_sha256": found,
        "licence": "CC BY 4.0",
        "by": "Gasparetti 2016, https://archive.ics.uci.edu/dataset/359/news+aggregator",
    }
    return Raw(rows, facts)
