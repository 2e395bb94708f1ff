"""Sentences of AWS's API documentation, which botocore carries: no network, and a class for each service."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader

from slipway.config.data import AwsDocs
from slipway.data.rows import Raw, Row
from slipway.errors import UserError

INLINE = re.compile(r"</?(?:a|b|code|i)\b[^>]*>")  # stands inside a word or before a full stop
TAG = re.compile(r"<[^>]+>")
BLANKS = re.compile(r"\s+")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def read(config: AwsDocs) -> Raw:
    """The first sentences of each documented operation, structure and field; one row for each text of a service.

    Raises UserError for a service that botocore does not know.
    """
    # a person's own ~/.aws/models must not change the data set
    folder = Path(botocore.__file__).parent / "data"
    loader = Loader(extra_search_paths=[str(folder)], include_default_search_paths=False)
    rows: list[Row] = []
    for service in config.services:
        try:
            model = loader.load_service_model(service, "service-2")
        except (DataNotFoundError, UnknownServiceError) as error:
            raise UserError(
                f"data.source.services: botocore {botocore.__version__} has no service {service!r}. "
                f"It knows: {', '.join(loader.list_available_services('service-2'))}."
            ) from error
        seen: set[str] = set()
        for name, documentation in _documented(model):
            text = first_sentences(documentation, config.sentences)
            if config.min_words <= len(text.split()) <= config.max_words and text not in seen:
                seen.add(text)
                rows.append(Row(text, service, None, f"{service}:{name}"))
    facts = {"from": f"botocore {botocore.__version__}", "licence": "Apache-2.0", "services": list(config.services)}
    return Raw(rows, facts)


def first_sentences(documentation: str, count: int) -> str:
    """The first `count` sentences of an HTML fragment, as plain text."""
    text = BLANKS.sub(" ", html.unescape(TAG.sub(" ", INLINE.sub("", documentation)))).strip()
    return " ".join(SENTENCE_END.split(text)[:count])


def _documented(model: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, operation in model["operations"].items():
        yield name, operation.get("documentation", "")
    for name, shape in model["shapes"].items():
        yield name, shape.get("documentation", "")
        for member, field in shape.get("members", {}).items():
            yield f"{name}.{member}", field.get("documentation", "")
