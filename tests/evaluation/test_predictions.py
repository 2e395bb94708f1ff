"""Predictions survive the disk, whatever the classes are called."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from slipway.errors import UserError
from slipway.evaluation.predictions import (
    Champion,
    Predictions,
    read_predictions,
    write_predictions,
)

PREDICTIONS = Predictions(
    labels=("b", "text", "probability: x"),
    texts=("one", "zwei", "三"),
    origins=("f.csv:2", "f.csv:3", "f.csv:4"),
    truth=np.array(["b", "text", "probability: x"]),
    probabilities=np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.2, 0.3]], np.float32),
    baseline=np.array(["b", "b", "b"]),
)
CHAMPION = Champion("0" * 32 + ".dir", ("b", "old"), np.array(["b", "old", "old"]))


@pytest.mark.parametrize("champion", [None, CHAMPION])
def test_what_is_written_is_read(tmp_path: Path, champion: Champion | None) -> None:
    written = replace(PREDICTIONS, champion=champion)
    write_predictions(written, tmp_path / "predictions.parquet")
    read = read_predictions(tmp_path / "predictions.parquet")
    assert (read.labels, read.texts, read.origins) == (written.labels, written.texts, written.origins)
    np.testing.assert_array_equal(read.probabilities, written.probabilities)
    np.testing.assert_array_equal(read.predicted, ["b", "text", "b"])
    np.testing.assert_array_equal(read.truth_index, [0, 1, 2])
    if champion is None:
        assert read.champion is None
    else:
        assert read.champion is not None
        assert (read.champion.bundle, read.champion.labels) == (champion.bundle, champion.labels)
        np.testing.assert_array_equal(read.champion.predicted, champion.predicted)


def test_the_file_names_the_class_of_each_probability(tmp_path: Path) -> None:
    write_predictions(PREDICTIONS, tmp_path / "predictions.parquet")
    table = pq.read_table(tmp_path / "predictions.parquet")
    assert table["probability: text"].to_pylist() == pytest.approx([0.2, 0.8, 0.2])
    assert table["label"].to_pylist() == ["b", "text", "probability: x"]


def test_a_label_that_the_bundle_lacks_is_an_error_that_names_it() -> None:
    with pytest.raises(UserError, match=r"label 'new'.*dvc repro package"):
        _ = replace(PREDICTIONS, truth=np.array(["b", "new", "b"])).truth_index


def test_a_missing_file_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="dvc repro evaluate"):
        read_predictions(tmp_path / "predictions.parquet")
