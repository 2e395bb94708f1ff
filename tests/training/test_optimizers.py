"""Sparse embeddings are moved by SparseAdam, all else by AdamW, and clipping takes both together."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch
import yaml
from pydantic import TypeAdapter
from torch import nn

from slipway.config.model import Bag as BagConfig
from slipway.config.model import ModelConfig
from slipway.data.prepared import load_meta
from slipway.models.store import build
from slipway.training.optimizers import clip, optimizers, rate_share, set_rates

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def twins() -> tuple[nn.Sequential, nn.Sequential]:
    """The same network twice, with a sparse and with a dense embedding, after the same backward pass."""
    made = []
    for sparse in (True, False):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Embedding(20, 4, sparse=sparse), nn.Linear(4, 3))
        # repeated ids: their rows of the sparse gradient must be summed before a norm is taken
        (network(torch.tensor([[1, 1, 1, 5], [1, 2, 2, 5]])) ** 2 * 40).sum().backward()
        made.append(network)
    return made[0], made[1]


@pytest.mark.parametrize("most", [0.5, 1e6])
def test_sparse_gradients_are_clipped_as_dense_ones_are(
    twins: tuple[nn.Sequential, nn.Sequential], most: float
) -> None:
    sparse, dense = twins
    expected = nn.utils.clip_grad_norm_(dense.parameters(), most)
    torch.testing.assert_close(clip(list(sparse.parameters()), most), expected)
    for left, right in zip(sparse.parameters(), dense.parameters(), strict=True):
        assert left.grad is not None
        torch.testing.assert_close(left.grad.to_dense() if left.grad.is_sparse else left.grad, right.grad)


def test_parameters_without_a_gradient_are_passed_over() -> None:
    assert float(clip([nn.Parameter(torch.ones(3))], 1.0)) == 0


def test_an_infinite_gradient_gives_a_norm_that_is_not_finite() -> None:
    parameter = nn.Parameter(torch.ones(3))
    parameter.grad = torch.tensor([1.0, float("inf"), 0.0])
    assert not torch.isfinite(clip([parameter], 1.0))


def test_each_parameter_has_one_optimizer_and_its_own_rate(prepared: Path) -> None:
    content = yaml.safe_load((ROOT / "conf" / "model" / "bag.yaml").read_text(encoding="utf-8"))
    rates = {"lr": 0.01, "wide_lr": 0.02, "piece_lr": 0.03}
    config = BagConfig.model_validate_json(json.dumps(content | rates))
    model = build(config, load_meta(prepared), prepared)
    found = optimizers(model, config, weight_decay=0.1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rate, decay = {}, {}
    for optimizer in found:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                name = names.pop(id(parameter))
                rate[name], decay[name] = (type(optimizer).__name__, group["peak"]), group.get("weight_decay")
    assert not names
    assert rate["wide.weight"] == ("SGD", 0.02)
    assert rate["wide_pieces.weight"] == ("SparseAdam", 0.03)
    assert rate["embedding.weight"] == ("SparseAdam", 0.01)
    assert rate["deep.2.weight"] == ("AdamW", 0.01)
    assert decay["deep.2.weight"] == 0.1
    assert decay["deep.2.bias"] == decay["deep.0.weight"] == 0
    set_rates(found, 0.5)
    assert [group["lr"] for group in found[0].param_groups] == [0.005, 0.005]


def test_a_sparse_table_of_any_model_is_trained(prepared: Path) -> None:
    content = yaml.safe_load((ROOT / "conf" / "model" / "encoder.yaml").read_text(encoding="utf-8"))
    config = TypeAdapter(ModelConfig).validate_json(json.dumps(content))
    network = nn.Sequential(nn.Embedding(20, 4, sparse=True), nn.EmbeddingBag(4, 4, sparse=True), nn.Linear(4, 3))
    found = optimizers(network, config, weight_decay=0.1)
    groups = [
        (type(each).__name__, parameter) for each in found for g in each.param_groups for parameter in g["params"]
    ]
    assert sorted(id(parameter) for _, parameter in groups) == sorted(map(id, network.parameters()))
    assert [name for name, _ in groups].count("SparseAdam") == 2


def test_rates_rise_then_fall_to_their_final_share() -> None:
    shares = [rate_share(step, 100, warmup=0.1, final=0.05) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9] == shares[10] == pytest.approx(1.0)
    assert all(later <= earlier for earlier, later in pairwise(shares[9:]))
    assert shares[-1] == pytest.approx(0.05, abs=0.001)
    assert rate_share(0, 1, warmup=0.0, final=0.0) == 1.0
