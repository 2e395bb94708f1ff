"""The most confident errors are errors, the surest first, with the whole text."""

from slipway.evaluation.findings import Findings
from slipway.evaluation.mistakes import confused


def test_the_surest_errors_come_first(findings: Findings) -> None:
    predictions = findings.predictions
    sure = [mistake.confidence for mistake in findings.mistakes]
    wrong = predictions.probabilities.max(axis=1)[predictions.predicted != predictions.truth]
    assert len(sure) == 12
    assert sure == sorted(wrong.tolist(), reverse=True)[:12]


def test_a_mistake_holds_the_row_it_was_made_on(findings: Findings) -> None:
    predictions = findings.predictions
    for mistake in findings.mistakes:
        row = predictions.origins.index(mistake.origin)
        assert "".join(part.text for part in mistake.parts) + mistake.rest == predictions.texts[row]
        assert mistake.truth == predictions.truth[row] != mistake.predicted == predictions.predicted[row]
        assert mistake.probability_of_truth < mistake.confidence


def test_confused_pairs_count_every_error_of_theirs(findings: Findings) -> None:
    predictions = findings.predictions
    pairs = confused(predictions, most=100)
    assert sum(pair.rows for pair in pairs) == (predictions.predicted != predictions.truth).sum()
    first = pairs[0]
    there = (predictions.truth == first.truth) & (predictions.predicted == first.predicted)
    assert first.rows == there.sum() == max(pair.rows for pair in pairs)
    assert first.share == there.sum() / (predictions.truth == first.truth).sum()
