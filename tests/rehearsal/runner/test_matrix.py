"""Combinations of a matrix."""

import pytest

from slipway.rehearsal.runner.matrix import MatrixError, combinations


def test_every_value_meets_every_other_in_order():
    found = combinations({"os": ["a", "b"], "py": [1, 2]})
    assert found == [{"os": "a", "py": 1}, {"os": "a", "py": 2}, {"os": "b", "py": 1}, {"os": "b", "py": 2}]


def test_excluded_combinations_are_left_out():
    assert combinations({"os": ["a", "b"], "py": [1, 2], "exclude": [{"os": "a"}, {"os": "b", "py": 1}]}) == [
        {"os": "b", "py": 2}
    ]


def test_includes_extend_what_they_do_not_overwrite_as_in_githubs_example():
    found = combinations({
        "fruit": ["apple", "pear"], "animal": ["cat", "dog"],
        "include": [
            {"color": "green"}, {"color": "pink", "animal": "cat"}, {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"}, {"fruit": "banana", "animal": "cat"},
        ],
    })  # fmt: skip
    assert found == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_includes_alone_are_the_jobs():
    assert combinations({"include": [{"number": 7}, {"number": 8}]}) == [{"number": 7}, {"number": 8}]


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        ({"report": []}, "does not contain any values"),
        ({"n": list(range(257))}, "257 jobs: GitHub allows 256"),
        ({"n": "x"}, "matrix n: a sequence was expected"),
    ],
)
def test_what_github_refuses_is_refused(matrix, words):
    with pytest.raises(MatrixError, match=words):
        combinations(matrix)
