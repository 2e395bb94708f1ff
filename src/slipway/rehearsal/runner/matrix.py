"""The combinations of a job's matrix, in GitHub's order.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations
"""

from itertools import product
from typing import Any

MOST = 256


class MatrixError(Exception):
    """A matrix that makes no jobs."""


def combinations(matrix: dict[str, Any]) -> list[dict[str, Any]]:
    """Each combination of the values, without the excluded, and with what is included.

    Raises MatrixError for more than 256, and for none, which GitHub refuses.
    """
    axes = {key: values for key, values in matrix.items() if key not in ("include", "exclude")}
    for key, values in axes.items():
        if not isinstance(values, list):
            raise MatrixError(f"matrix {key}: a sequence was expected")
    found = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    excluded = matrix.get("exclude") or []
    found = [each for each in found if not any(_agree(each, other) for other in excluded)]
    original, extended, added = [dict(each) for each in found], found, []
    for included in matrix.get("include") or []:
        hosts = [at for at, each in enumerate(original) if _may_take(each, included)]
        for at in hosts:
            extended[at] |= included
        if not hosts:
            added.append(dict(included))
    every = extended + added
    if not every:
        raise MatrixError("Matrix vector does not contain any values")
    if len(every) > MOST:
        raise MatrixError(f"a matrix makes {len(every)} jobs: GitHub allows {MOST}")
    return every


def _agree(combination: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(combination.get(key) == value for key, value in other.items())


def _may_take(original: dict[str, Any], included: dict[str, Any]) -> bool:
    """Whether `included` overwrites none of the original values."""
    return all(original[key] == value for key, value in included.items() if key in original)
