"""Tokens are spelled with the runs of characters that they share."""

import numpy as np
import pytest

from slipway.models.pieces import spell

VOCABULARY = {"Ġtransfer": 2, "red": 3, "Ġtransit": 4, "Ġcard": 5, "x": 6}
ROWS = [[2, 3, 5], [4, 4, 6], [6, 0], [5]]
TOKENS = np.concatenate(ROWS).astype(np.uint16)
OFFSETS = np.cumsum([0, *map(len, ROWS)])


def runs(text: str, shortest: int, longest: int) -> list[str]:
    return [text[at : at + size] for size in range(shortest, longest + 1) for at in range(len(text) - size + 1)]


@pytest.mark.parametrize("whole_words", [False, True])
def test_a_token_has_the_runs_that_another_token_has_too(whole_words: bool) -> None:
    spelling = spell(VOCABULARY, whole_words, 2, 4, TOKENS, OFFSETS)
    own = {token: runs(f" {text} " if whole_words else text, 2, 4) for text, token in VOCABULARY.items()}
    shared = {
        run for token, many in own.items() for run in many if any(run in own[other] for other in own if other != token)
    }
    assert len(spelling.idf) == len(shared)
    for token, many in own.items():
        assert (spelling.token == token).sum() == sum(run in shared for run in many)
    assert (np.diff(spelling.token) >= 0).all()


def test_idf_counts_rows_and_not_occurrences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.models.pieces.ROWS_AT_ONCE", 3)
    spelling = spell(VOCABULARY, False, 2, 4, TOKENS, OFFSETS)
    for piece in range(len(spelling.idf)):
        having = set(spelling.token[spelling.piece == piece].tolist())
        rows = sum(bool(having & set(row)) for row in ROWS)
        assert spelling.idf[piece] == pytest.approx(np.log((1 + len(ROWS)) / (1 + rows)) + 1)


def test_a_vocabulary_without_anything_in_common_has_no_pieces_but_a_table() -> None:
    spelling = spell({"ab": 2, "cd": 3}, False, 2, 3, TOKENS, OFFSETS)
    assert len(spelling.piece) == 0
    assert len(spelling.idf) == 1
