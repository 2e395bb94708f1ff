"""What the bundle, the baseline and the champion answer on the same test rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from slipway.errors import UserError
from slipway.files import write_whole, written_by

PROBABILITY = "probability: "
METADATA = b"slipway"


@dataclass(frozen=True)
class Champion:
    """The champion's bundle (its DVC hash), the classes it knows, and what it answers, shape (rows,)."""

    bundle: str
    labels: tuple[str, ...]
    predicted: NDArray[np.str_]


@dataclass(frozen=True)
class Predictions:
    """Test rows and the answers to them. Classes go by name; `probabilities` is of shape (rows, labels)."""

    labels: tuple[str, ...]
    texts: tuple[str, ...]
    origins: tuple[str, ...]
    truth: NDArray[np.str_]
    probabilities: NDArray[np.float32]
    baseline: NDArray[np.str_]
    champion: Champion | None = None

    @property
    def predicted(self) -> NDArray[np.str_]:
        """The name of the most probable class, shape (rows,)."""
        return np.asarray([self.labels[index] for index in self.probabilities.argmax(axis=1)], dtype=str)

    @property
    def truth_index(self) -> NDArray[np.int64]:
        """The true class as an index into `labels`, shape (rows,)."""
        return indices(self.truth, self.labels)


def indices(names: NDArray[np.str_], labels: Sequence[str]) -> NDArray[np.int64]:
    """Each name's place in `labels`. Raises UserError for a name that is not there."""
    order = {name: index for index, name in enumerate(labels)}
    unknown = sorted({str(name) for name in names} - set(order))
    if unknown:
        raise UserError(
            f"the bundle does not know the test rows' label {unknown[0]!r}: it was made from other data. "
            "`dvc repro package` makes it anew."
        )
    return np.fromiter((order[str(name)] for name in names), dtype=np.int64, count=len(names))


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write one row a test row; the probability of each class stands in a column of its own."""
    columns: dict[str, object] = {
        "text": list(predictions.texts),
        "origin": list(predictions.origins),
        "label": predictions.truth.tolist(),
        "predicted": predictions.predicted.tolist(),
        "baseline": predictions.baseline.tolist(),
    }
    facts = None
    if predictions.champion is not None:
        columns["champion"] = predictions.champion.predicted.tolist()
        facts = {"bundle": predictions.champion.bundle, "labels": predictions.champion.labels}
    for index, label in enumerate(predictions.labels):
        columns[PROBABILITY + label] = predictions.probabilities[:, index]
    table = pa.table(columns).replace_schema_metadata({METADATA: json.dumps({"champion": facts})})
    content = BytesIO()
    pq.write_table(table, content)
    write_whole(path, content.getvalue())


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote. Raises UserError where the file is missing or damaged."""
    with written_by("evaluate", path):
        table = pq.read_table(path)
        facts = json.loads(table.schema.metadata[METADATA])["champion"]
        labels = tuple(name.removeprefix(PROBABILITY) for name in table.column_names if name.startswith(PROBABILITY))

        def names(column: str) -> NDArray[np.str_]:
            return np.asarray(table[column].to_pylist(), dtype=str)

        return Predictions(
            labels=labels,
            texts=tuple(table["text"].to_pylist()),
            origins=tuple(table["origin"].to_pylist()),
            truth=names("label"),
            probabilities=np.stack([table[PROBABILITY + label].to_numpy() for label in labels], axis=1),
            baseline=names("baseline"),
            champion=Champion(facts["bundle"], tuple(facts["labels"]), names("champion")) if facts else None,
        )
