"""From a source's configuration to its rows."""

from slipway.config.data import AwsDocs, Banking77, Csv, Imdb, SourceConfig
from slipway.data.rows import Raw


def read(config: SourceConfig) -> Raw:
    """The raw rows of the configured source. Raises UserError where they cannot be had or read."""
    if isinstance(config, AwsDocs):
        from slipway.data.sources import aws_docs

        return aws_docs.read(config)
    if isinstance(config, Csv | Banking77):
        from slipway.data.sources import labelled_csv

        return labelled_csv.read_csv(config) if isinstance(config, Csv) else labelled_csv.read_banking77(config)
    if isinstance(config, Imdb):
        from slipway.data.sources import imdb

        return imdb.read(config)
    from slipway.data.sources import news_aggregator

    return news_aggregator.read(config)
