"""The gate's configuration refuses what would make a gate that cannot fail or makes no sense."""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from slipway.config.gate import GateConfig

DEFAULT = yaml.safe_load((Path(__file__).parents[2] / "conf" / "gate" / "default.yaml").read_text(encoding="utf-8"))


def check(**changes: object) -> GateConfig:
    return GateConfig.model_validate_json(json.dumps(DEFAULT | changes))


def test_the_default_file_is_valid() -> None:
    assert check().on_tie.champion == "keep"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alpha", 0),
        ("alpha", 0.9),
        ("resamples", 99),
        ("resamples", "1000"),
        ("seed", -1),
        ("enforce", "yes"),
        ("baseline", {"ngrams": 0, "c": 1.0}),
        ("baseline", {"ngrams": 2, "c": 0.0}),
        ("on_tie", {"champion": "perhaps", "baseline": "promote"}),
        ("budgets", DEFAULT["budgets"] | {"latency_ms": -5}),
        ("budgets", DEFAULT["budgets"] | {"batch_changes": 2}),
        ("budgets", DEFAULT["budgets"] | {"memory_mb": 5}),
        ("tolerance", 1),
    ],
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=key):
        check(**{key: value})


def test_too_few_resamples_for_the_level_are_refused_with_the_number_that_does() -> None:
    with pytest.raises(ValidationError, match="at least 4000"):
        check(alpha=0.001, resamples=1000)
    assert check(alpha=0.001, resamples=4000).alpha == 0.001
