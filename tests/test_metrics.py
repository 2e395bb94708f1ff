"""The metrics agree with scikit-learn, scipy and arithmetic done by hand."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as sklearn_metrics

from slipway import metrics


@st.composite
def tasks(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Labels, probabilities, a second model's predictions and the number of classes."""
    classes, rows = draw(st.integers(2, 6)), draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probabilities = random.dirichlet(np.full(classes, draw(st.sampled_from([0.1, 1.0, 10.0]))), size=rows)
    return random.integers(0, classes, rows), probabilities, random.integers(0, classes, rows), classes


@given(tasks())
def test_accuracy_and_per_class_figures_agree_with_scikit_learn(task) -> None:
    labels, probabilities, _, classes = task
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(classes), zero_division=0
    )
    found = metrics.per_class(labels, predicted, classes)
    assert metrics.accuracy(labels, predicted) == pytest.approx(sklearn_metrics.accuracy_score(labels, predicted))
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1, f1)
    np.testing.assert_array_equal(found.support, support)
    np.testing.assert_array_equal(
        metrics.confusion(labels, predicted, classes),
        sklearn_metrics.confusion_matrix(labels, predicted, labels=range(classes)),
    )


@given(tasks())
def test_macro_f1_is_scikit_learns_over_the_classes_that_occur(task) -> None:
    labels, _, predicted, classes = task
    expected = sklearn_metrics.f1_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)
    assert metrics.macro_f1(labels, predicted, classes) == pytest.approx(expected)


def test_macro_f1_by_hand() -> None:
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    assert metrics.macro_f1(labels, predicted, 2) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_a_class_missing_from_the_rows_does_not_count_in_macro_f1() -> None:
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])
    assert metrics.macro_f1(labels, predicted, classes=9) == 1.0


@given(tasks())
def test_roc_auc_agrees_with_scikit_learn_class_by_class(task) -> None:
    labels, scores, _, classes = task
    scores = scores.round(1)  # so that there are ties
    areas = [
        sklearn_metrics.roc_auc_score(labels == index, scores[:, index])
        for index in range(classes)
        if 0 < (labels == index).sum() < len(labels)
    ]
    if areas:
        assert metrics.roc_auc(labels, scores) == pytest.approx(np.mean(areas))
    else:
        assert np.isnan(metrics.roc_auc(labels, scores))


def test_roc_auc_is_defined_when_a_class_is_missing() -> None:
    labels = np.array([0, 0, 1, 1])
    scores = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1]])
    assert metrics.roc_auc(labels, scores) == 1.0


def test_roc_auc_of_one_class_only_is_not_a_number() -> None:
    assert np.isnan(metrics.roc_auc(np.array([1, 1]), np.array([[0.5, 0.5], [0.1, 0.9]])))


@given(tasks())
def test_log_loss_agrees_with_scikit_learn(task) -> None:
    labels, probabilities, _, classes = task
    expected = sklearn_metrics.log_loss(labels, probabilities, labels=range(classes))
    assert metrics.log_loss(labels, probabilities) == pytest.approx(expected, abs=1e-9)


def test_log_loss_of_a_certain_error_is_finite() -> None:
    assert metrics.log_loss(np.array([1]), np.array([[1.0, 0.0]], dtype=np.float32)) == pytest.approx(15.94, abs=0.01)


def test_calibration_error_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.95, 0.05], [0.35, 0.65]])
    found = metrics.reliability(labels, probabilities, bins=10)
    assert found.count.tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 0, 3]
    assert found.accuracy[9] == pytest.approx(2 / 3)
    assert np.isnan(found.accuracy[0])
    assert metrics.ece(labels, probabilities, bins=10) == pytest.approx(0.75 * (0.95 - 2 / 3) + 0.25 * 0.35)


@given(tasks(), st.integers(1, 20))
def test_reliability_holds_every_row_once_and_ece_is_a_fraction(task, bins: int) -> None:
    labels, probabilities, _, _ = task
    found = metrics.reliability(labels, probabilities, bins)
    filled = found.count > 0
    assert found.count.sum() == len(labels)
    assert np.all(found.confidence[filled] <= found.high[filled] + 1e-12)
    assert np.all(found.confidence[filled] >= found.low[filled] - 1e-12)
    assert 0 <= metrics.ece(labels, probabilities, bins) <= 1


def test_a_confidence_of_exactly_one_or_a_bins_edge_has_a_bin() -> None:
    found = metrics.reliability(np.array([0, 0]), np.array([[1.0, 0.0], [0.5, 0.5]]), bins=2)
    assert found.count.tolist() == [1, 1]


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_exact_binomial_test(only_first: int, only_second: int) -> None:
    labels = np.ones(only_first + only_second + 3, dtype=np.int64)
    first, second = labels.copy(), labels.copy()
    second[:only_first] = 0
    first[only_first : only_first + only_second] = 0
    found = metrics.mcnemar_exact(labels, first, second)
    assert (found.only_first, found.only_second) == (only_first, only_second)
    flips = only_first + only_second
    assert found.p_value == pytest.approx(binomtest(only_first, flips).pvalue if flips else 1.0)


def test_mcnemar_by_hand() -> None:
    labels = np.zeros(10, dtype=np.int64)
    first, second = labels.copy(), labels.copy()
    second[:5] = 1
    assert metrics.mcnemar_exact(labels, first, second).p_value == pytest.approx(2 / 2**5)


@settings(max_examples=30)
@given(tasks())
def test_an_interval_is_ordered_and_stays_within_zero_and_one(task) -> None:
    labels, _, predicted, classes = task
    for found in metrics.bootstrap_intervals(labels, predicted, classes, resamples=200).values():
        assert 0 <= found.low <= found.high <= 1
        assert 0 <= found.value <= 1


def test_the_bootstrap_agrees_with_drawing_rows_one_by_one() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 5, 400)
    predicted = np.where(random.random(400) < 0.7, labels, random.integers(0, 5, 400))
    drawn = [random.integers(0, 400, 400) for _ in range(4000)]
    slow = {
        "accuracy": [metrics.accuracy(labels[rows], predicted[rows]) for rows in drawn],
        "macro_f1": [metrics.macro_f1(labels[rows], predicted[rows], 5) for rows in drawn],
    }
    found = metrics.bootstrap_intervals(labels, predicted, 5, resamples=4000)
    for name, values in slow.items():
        assert [found[name].low, found[name].high] == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.006)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(2)
    covered = 0
    for seed in range(300):
        labels = random.integers(0, 3, 300)
        predicted = np.where(random.random(300) < 0.8, labels, (labels + 1) % 3)
        found = metrics.bootstrap_intervals(labels, predicted, 3, resamples=300, seed=seed)["accuracy"]
        covered += found.low <= 0.8 <= found.high
    assert 0.90 <= covered / 300 <= 0.98


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    random = np.random.default_rng(3)
    labels, predicted = random.integers(0, 4, 200), random.integers(0, 4, 200)
    first = metrics.bootstrap_intervals(labels, predicted, 4, seed=7)
    assert first == metrics.bootstrap_intervals(labels, predicted, 4, seed=7)
    assert first != metrics.bootstrap_intervals(labels, predicted, 4, seed=8)


def test_a_thousand_resamples_of_three_thousand_rows_take_well_below_two_seconds() -> None:
    random = np.random.default_rng(4)
    labels = random.integers(0, 77, 3000)
    first = np.where(random.random(3000) < 0.9, labels, random.integers(0, 77, 3000))
    second = np.where(random.random(3000) < 0.9, labels, random.integers(0, 77, 3000))
    started = time.process_time()
    metrics.bootstrap_intervals(labels, first, 77, resamples=1000)
    metrics.paired_bootstrap(labels, first, second, 77, resamples=1000)
    assert time.process_time() - started < 2


def test_paired_bootstrap_of_a_model_with_itself_finds_no_difference() -> None:
    labels = np.random.default_rng(5).integers(0, 4, 200)
    found = metrics.paired_bootstrap(labels, (labels + 1) % 4, (labels + 1) % 4, 4)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_paired_bootstrap_finds_a_real_difference_and_its_sign() -> None:
    random = np.random.default_rng(6)
    labels = random.integers(0, 4, 1000)
    good = np.where(random.random(1000) < 0.9, labels, (labels + 1) % 4)
    poor = np.where(random.random(1000) < 0.8, labels, (labels + 1) % 4)
    better, worse = metrics.paired_bootstrap(labels, good, poor, 4), metrics.paired_bootstrap(labels, poor, good, 4)
    assert better.low > 0
    assert worse.high < 0
    assert better.value == pytest.approx(-worse.value)
    assert better.p_value == worse.p_value == pytest.approx(2 / 1001)


def test_paired_bootstrap_rarely_sees_a_difference_where_there_is_none() -> None:
    random = np.random.default_rng(7)
    seen = 0
    for seed in range(200):
        labels = random.integers(0, 3, 300)
        first = np.where(random.random(300) < 0.8, labels, (labels + 1) % 3)
        second = np.where(random.random(300) < 0.8, labels, (labels + 1) % 3)
        seen += metrics.paired_bootstrap(labels, first, second, 3, resamples=300, seed=seed).p_value < 0.05
    assert seen / 200 < 0.11


@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [([], [], "no rows"), ([0, 1], [0], "one value a row")],
)
def test_arrays_that_do_not_fit_are_refused(labels: list[int], predicted: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.accuracy(np.array(labels, dtype=np.int64), np.array(predicted, dtype=np.int64))
