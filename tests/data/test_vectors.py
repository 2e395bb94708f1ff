"""Word vectors find their words, and a wrong file is named with its line."""

import hashlib

import numpy as np
import pytest
from tests.data.conftest import tokenizer_config

from slipway.config.tokenizer import Vectors
from slipway.data.tokenizer import build
from slipway.data.vectors import read
from slipway.errors import UserError

TEXTS = ["the Quick fox jumps", "the café fox"] * 20


@pytest.fixture
def words():
    return build(tokenizer_config("words", vocab_size=300, max_length=8, min_frequency=1, lower_case=False), TEXTS)


def glove(tmp_path, content: str | bytes) -> Vectors:
    path = tmp_path / "glove.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Vectors(path=str(path))


def test_each_word_gets_its_vector_and_the_rest_zeros(tmp_path, words):
    table, share = read(glove(tmp_path, "the 1 2\nfox 3 4.5\nzebra 5 6\ncafé -1 1e-3\n"), words)
    assert table.shape == (words.get_vocab_size(), 2)
    assert table.dtype == np.float32
    assert table[words.token_to_id("fox")].tolist() == [3, 4.5]
    assert table[words.token_to_id("café")].tolist() == pytest.approx([-1, 1e-3])
    assert not table[[0, 1, words.token_to_id("jumps")]].any()
    assert share == 3 / 7


def test_a_word_in_its_own_case_goes_before_one_in_lower_case(tmp_path, words):
    table, _ = read(glove(tmp_path, "Quick 1 1\nquick 2 2\nFox 3 3\nfox 4 4\n"), words)
    assert table[words.token_to_id("Quick")].tolist() == [1, 1]
    assert table[words.token_to_id("fox")].tolist() == [4, 4]


def test_a_word_of_the_vocabulary_is_found_in_lower_case(tmp_path, words):
    table, _ = read(glove(tmp_path, "quick 2 2\n"), words)
    assert table[words.token_to_id("Quick")].tolist() == [2, 2]


def test_byte_level_tokens_that_are_whole_words_are_found(tmp_path):
    tokenizer = build(tokenizer_config("bpe", vocab_size=400, max_length=8), TEXTS)
    table, _ = read(glove(tmp_path, "fox 1 2\ncafé 3 4\n"), tokenizer)
    assert table[tokenizer.encode("fox").ids[0]].tolist() == [1, 2]
    assert table[tokenizer.encode("café").ids[0]].tolist() == [3, 4]


def test_a_word2vec_header_and_words_with_blanks_do_not_confuse(tmp_path, words):
    table, _ = read(glove(tmp_path, "3 2\nfox 1 2\n. . . 5 6\nthe 3 4\n"), words)
    assert table[words.token_to_id("the")].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("fox 1 2\nthe 3\n", r"glove\.txt:2: 1 numbers where the lines before have 2"),
        ("fox 1 2\n\nthe 3 4\n", r"glove\.txt:2: 0 numbers"),
        ("fox 1 two\n", r"glove\.txt:1: could not convert"),
        ("fox 1 nan\n", r"glove\.txt:1: holds a number that is not finite"),
        ("zebra 1 2\n", r"holds none of the vocabulary's words"),
        ("", r"holds none of the vocabulary's words"),
        (b"\xff\xfe 1 2\n", r"holds none of the vocabulary's words"),
        ("<html>\n", r"glove\.txt:1: no word, or no numbers after it: .*with single blanks between"),
        ("fox\t1\t2\nthe\t3\t4\n", r"glove\.txt:1: no word, or no numbers after it"),
        ("fox\nthe\n", r"glove\.txt:1: no word, or no numbers after it"),
        (" 1 2\n", r"glove\.txt:1: no word, or no numbers"),
        ("the 1 2\nfox 1 2 3\n", r"glove\.txt:2: 3 numbers where the lines before have 2"),
        ("the 1 2 3\nfox 1 2\n", r"glove\.txt:2: 2 numbers where the lines before have 3"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path, words, content, message):
    with pytest.raises(UserError, match=message):
        read(glove(tmp_path, content), words)


def test_a_missing_file_and_another_checksum_are_named(tmp_path, words):
    with pytest.raises(UserError, match=r"glove\.txt is missing: .*model\.vectors\.path"):
        read(Vectors(path=str(tmp_path / "glove.txt")), words)
    config = glove(tmp_path, "fox 1 2\n").model_copy(update={"sha256": "0" * 64})
    with pytest.raises(UserError, match=r"its SHA-256 is [0-9a-f]{64}, model\.vectors\.sha256 says 0000"):
        read(config, words)
    right = hashlib.sha256((tmp_path / "glove.txt").read_bytes()).hexdigest()
    assert read(config.model_copy(update={"sha256": right}), words)[1] > 0


def test_of_a_long_field_that_is_no_number_the_beginning_is_shown(tmp_path, words):
    with pytest.raises(UserError, match=r"glove\.txt:2: .*a GloVe line is a word and then numbers") as caught:
        read(glove(tmp_path, f"the 1 2\nfox 3 {'x' * 1_000_000}\n"), words)
    assert len(str(caught.value)) < 500
