"""The tables behind the plots agree with the figures, and DVC can read them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.evaluation.findings import Findings
from slipway.evaluation.plots import plot_tables, write_tables


def test_the_tables_agree_with_the_figures(findings: Findings) -> None:
    tables, metrics = plot_tables(findings), findings.metrics
    confusion, reliability = tables["confusion"], tables["reliability"]
    assert (confusion["actual"] == confusion["predicted"]).mean() == pytest.approx(metrics["accuracy"], abs=1e-6)
    assert tables["per_class"]["f1"].mean() == pytest.approx(metrics["macro_f1"], abs=1e-6)
    assert tables["per_class"]["baseline_f1"].mean() == pytest.approx(metrics["baseline"]["macro_f1"], abs=1e-6)
    gaps = (reliability["confidence"] - reliability["accuracy"]).abs()
    assert np.average(gaps, weights=reliability["rows"]) == pytest.approx(metrics["ece"], abs=1e-6)
    assert len(tables["slices"]) == len(findings.slices)


def test_the_same_tables_give_the_same_bytes(findings: Findings, tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_tables(plot_tables(findings), tmp_path / name)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    assert pd.read_csv(tmp_path / "first" / "per_class.csv")["label"].tolist() == list(findings.predictions.labels)
