"""What an error quotes is short, whatever stands in the data."""

import pytest

from slipway.data.quote import listed, quoted


@pytest.mark.parametrize("value", ["", "a'b", "x" * 60])
def test_a_short_value_is_quoted_whole(value):
    assert quoted(value) == repr(value)


def test_of_a_long_value_the_beginning_and_the_length_are_shown():
    assert quoted("x" * 61) == f"'{'x' * 40}'… (61 characters)"


def test_ten_words_are_listed_whole_and_of_more_the_rest_is_counted():
    words = [str(n) for n in range(2000)]
    assert listed(words[:10]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert listed(words) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1,990 more"
