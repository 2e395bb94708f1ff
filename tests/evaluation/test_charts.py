"""Charts are well-formed, hold every value, and cannot be broken by a name."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway import metrics
from slipway.evaluation import charts
from slipway.metrics import Interval

HOSTILE = '"><script>alert(1)</script>'


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)  # noqa: S314 - our own picture


def of_class(picture: str, kind: str) -> list[ElementTree.Element]:
    return [each for each in parsed(picture).iter() if kind in each.get("class", "").split()]


def test_intervals_stand_in_the_order_of_their_values() -> None:
    rows = [
        ("model", "model", Interval(0.9, 0.88, 0.92)),
        ("baseline", "baseline", Interval(0.8, 0.78, 0.82)),
        (HOSTILE, "champion", Interval(0.85, 0.83, 0.87)),
    ]
    dots = [float(dot.get("cx", "nan")) for dot in of_class(charts.intervals(rows, "Accuracy"), "dot")]
    assert dots[1] < dots[2] < dots[0]
    assert dots[0] - dots[2] == pytest.approx(dots[2] - dots[1], abs=0.05)


def test_a_range_of_no_width_can_be_drawn() -> None:
    assert len(of_class(charts.intervals([("m", "model", Interval(1, 1, 1))], "x"), "dot")) == 1


@pytest.mark.parametrize("classes", [2, 15, 77])
def test_a_confusion_matrix_shows_every_cell_with_rows(classes: int) -> None:
    counts = np.random.default_rng(0).poisson(0.3, (classes, classes)) + np.eye(classes, dtype=np.int64)
    picture = charts.confusion(counts.astype(np.int64), [f"{HOSTILE}{row}" for row in range(classes)])
    assert len(of_class(picture, "cell")) == (counts > 0).sum()
    titles = [cell[0].text or "" for cell in of_class(picture, "right")]
    name = f"\u2068{HOSTILE}0\u2069"
    assert titles[0].startswith(f"{name} → {name}: {int(counts[0, 0])} (")


def test_a_reliability_bar_ends_where_accuracy_or_confidence_ends() -> None:
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.95, 0.05]] * 4)
    picture = charts.reliability(metrics.reliability(labels, probabilities, bins=10))
    (bar,), (gap,), under = (of_class(picture, kind) for kind in ("bar", "over", "under"))
    assert float(bar.get("height", "0")) == pytest.approx(300 * 0.75)
    assert float(gap.get("height", "0")) == pytest.approx(300 * 0.20)
    assert not under


def test_curves_leave_out_what_is_no_number() -> None:
    nothing = float("nan")
    lines = {"a": [1.0, nothing, 3.0], "b": [nothing] * 3, HOSTILE: [float("inf"), 2.0, 1.0]}
    picture = charts.curves([1, 2, 3], lines, "loss")
    assert [len(line.get("points", "").split()) for line in of_class(picture, "curve")] == [2, 2]
    assert charts.curves([1], {"a": [nothing]}, "loss") == ""
    assert len(of_class(charts.curves([1], {"a": [0.5]}, "loss"), "point")) == 1


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(2, 8))
def test_ticks_are_round_and_embrace_the_values(low: float, span: float, most: int) -> None:
    ticks = charts.nice(low, low + span, most)
    slack = 1e-6 * max(1.0, abs(low) + span)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + span - slack
    assert 1 <= len(ticks) <= most + 3


def test_a_long_name_is_cut() -> None:
    assert charts.short("abc", 3) == "abc"
    assert charts.short("abcdef", 3) == "ab…"
