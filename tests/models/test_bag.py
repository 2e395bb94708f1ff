"""The bag answers for a text alone: neither its neighbours nor its padding change the answer."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from slipway.config.model import Bag as BagConfig
from slipway.data.prepared import EncodedSplit, load_meta, load_split
from slipway.models.bag import Bag
from slipway.models.store import build, load
from slipway.training.batches import collate
from slipway.training.measure import measure, predict

ROOT = Path(__file__).resolve().parents[2]


def config(**values: object) -> BagConfig:
    content = yaml.safe_load((ROOT / "conf" / "model" / "bag.yaml").read_text(encoding="utf-8"))
    return BagConfig.model_validate_json(json.dumps(content | values))


@pytest.fixture(scope="module")
def test_rows(prepared: Path) -> EncodedSplit:
    return load_split(prepared, "test")


@pytest.fixture
def bag(prepared: Path) -> Bag:
    """Every part of it has weights that matter."""
    torch.manual_seed(0)
    model = build(config(dropout=0.0), load_meta(prepared), prepared)
    assert isinstance(model, Bag)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    return model.eval()


def test_padding_changes_no_label_and_logits_by_float_noise_only(trained: Path, test_rows: EncodedSplit) -> None:
    model = load(trained)
    ids, mask, _ = collate(test_rows, np.arange(64), 0)
    alone = [model(ids[row : row + 1, : mask[row].sum()], mask[row : row + 1, : mask[row].sum()]) for row in range(64)]
    # padding that would count, were it seen: the most frequent token
    mask = torch.nn.functional.pad(mask, (0, 9))
    filled = torch.nn.functional.pad(ids, (0, 9)).where(
        mask > 0, torch.tensor(int(np.bincount(test_rows.tokens).argmax()))
    )
    padded = model(filled, mask)
    torch.testing.assert_close(padded, torch.cat(alone), rtol=1e-5, atol=1e-5)
    assert (padded.argmax(1) == torch.cat(alone).argmax(1)).all()


def test_the_order_of_a_batch_changes_nothing(trained: Path, test_rows: EncodedSplit) -> None:
    model = load(trained)
    ids, mask, _ = collate(test_rows, np.arange(64), 0)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model(ids[order], mask[order]), model(ids, mask)[order], rtol=1e-5, atol=1e-5)


def test_evaluation_adds_up_pieces_just_as_training_does(bag: Bag, test_rows: EncodedSplit) -> None:
    ids, mask, _ = collate(test_rows, np.arange(32), 0)
    evaluated = bag(ids, mask)
    torch.testing.assert_close(bag.train()(ids, mask), evaluated, rtol=1e-4, atol=1e-4)


def test_what_evaluation_added_up_follows_the_weights(bag: Bag, test_rows: EncodedSplit) -> None:
    ids, mask, _ = collate(test_rows, np.arange(8), 0)
    before = bag(ids, mask)
    bag.train()
    nn.init.zeros_(bag.wide_pieces.weight)
    after = bag.eval()(ids, mask)
    assert not torch.allclose(before, after)


def test_an_n_gram_that_only_shares_a_slot_with_a_known_one_adds_nothing(bag: Bag) -> None:
    for module in (bag.deep[-1], bag.wide_pieces):
        for parameter in module.parameters():
            nn.init.zeros_(parameter)
    bag.eval()
    token = int(bag.keys[1:].min()) - 1
    ids = torch.tensor([[token]])
    assert bag(ids, torch.ones_like(ids)).abs().max() > 0
    bag.keys[bag.slots[(token + 1) % bag.shape.slots]] += 1
    assert bag(ids, torch.ones_like(ids)).abs().max() == 0


def test_each_part_moves_the_logits(bag: Bag, test_rows: EncodedSplit) -> None:
    ids, mask, _ = collate(test_rows, np.arange(8), 0)
    whole = bag(ids, mask)
    for part in (bag.wide, bag.wide_pieces, bag.embedding, bag.embedding_pieces):
        kept = part.weight.detach().clone()
        nn.init.zeros_(part.weight)
        assert not torch.allclose(bag.train().eval()(ids, mask), whole, atol=1e-3)
        part.weight.data.copy_(kept)


def test_a_text_without_tokens_has_finite_logits(bag: Bag) -> None:
    ids = torch.zeros((2, 1), dtype=torch.int64)
    assert torch.isfinite(bag(ids, torch.zeros_like(ids))).all()


def test_it_learns_ten_classes_of_bank_questions_in_three_epochs(
    prepared: Path, trained: Path, test_rows: EncodedSplit
) -> None:
    found = measure(test_rows.labels, predict(load(trained), test_rows, 4096, load_meta(prepared).pad_id))
    assert found["accuracy"] > 0.9
    assert found["macro_f1"] > 0.9


def test_whole_words_do_as_tokens_too(prepared: Path) -> None:
    tokenizer = config().tokenizer.model_dump(mode="json") | {"kind": "words"}
    model = build(config(tokenizer=tokenizer), load_meta(prepared), prepared)
    assert isinstance(model, Bag)
    assert model.shape.spelled > 0
