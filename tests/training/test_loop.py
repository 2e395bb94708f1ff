"""Training does what its configuration says, twice the same, and stops with words where it cannot go on."""

import json
import time
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pydantic import TypeAdapter
from safetensors import safe_open
from torch import nn

from slipway.config.model import ModelConfig
from slipway.config.train import TrainConfig
from slipway.data.prepared import EncodedSplit, load_meta, load_split
from slipway.errors import UserError
from slipway.models.bag import Bag
from slipway.models.store import build, save
from slipway.training.checkpoint import latest, steps
from slipway.training.distributed import ALONE, World
from slipway.training.epoch import EpochMetrics
from slipway.training.history import read_csv
from slipway.training.loop import Stopped, Trained, class_weights, must_be_finite, train
from slipway.training.measure import better, measure, predict
from slipway.training.optimizers import rate_share
from slipway.training.state import State

ROOT = Path(__file__).resolve().parents[2]
SMALL_ENCODER = {"width": 16, "layers": 1, "heads": 2, "expansion": 1}


@dataclass(frozen=True)
class Setting:
    """Trains on the prepared rows, with other values than conf/ has."""

    prepared: Path
    checkpoints: Path
    world: World = ALONE

    def train(
        self,
        kind: str = "bag",
        model: dict[str, Any] | None = None,
        rows: EncodedSplit | None = None,
        folder: str = "checkpoints",
        network: nn.Module | None = None,
        heard: list[EpochMetrics] | None = None,
        stop_after: int | None = None,
        stop_in_validation: bool = False,
        checkpoint_seconds: float = 300.0,
        **values: object,
    ) -> Trained:
        updates = count(1)
        content = read(f"model/{kind}") | (model or {})
        model_config: ModelConfig = TypeAdapter(ModelConfig).validate_json(json.dumps(content))
        config = TrainConfig.model_validate_json(json.dumps(read("train/default") | {"epochs": 2} | values))
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        meta = load_meta(self.prepared)
        network = network or build(model_config, meta, self.prepared)
        return train(
            network,
            model_config,
            config,
            meta,
            rows or load_split(self.prepared, "train"),
            load_split(self.prepared, "validation"),
            self.checkpoints / folder,
            on_epoch=(heard if heard is not None else []).append,
            checkpoint_seconds=checkpoint_seconds,
            # asked between batches of validation too, which are no updates
            stop=lambda: next(updates) == stop_after if network.training else stop_in_validation,
            world=self.world,
        )


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "conf" / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


@pytest.fixture
def setting(prepared: Path, tmp_path: Path) -> Setting:
    return Setting(prepared, tmp_path)


def bytes_of(trained: Trained, folder: Path) -> bytes:
    save(trained.model, folder)
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("kind", "model"), [("bag", {}), ("encoder", SMALL_ENCODER)])
def test_two_runs_give_the_same_bytes(setting: Setting, tmp_path: Path, kind: str, model: dict[str, Any]) -> None:
    first, second = (setting.train(kind, model, folder=name) for name in ("a", "b"))
    assert bytes_of(first, tmp_path / "x") == bytes_of(second, tmp_path / "y")
    other = setting.train(kind, model, folder="c", seed=1)
    assert bytes_of(other, tmp_path / "z") != bytes_of(first, tmp_path / "x")


@pytest.mark.parametrize(("kind", "model"), [("bag", {}), ("encoder", SMALL_ENCODER)])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_run_that_was_stopped_often_ends_with_the_same_bytes(
    setting: Setting, tmp_path: Path, kind: str, model: dict[str, Any], accumulate: int
) -> None:
    values: dict[str, Any] = {"epochs": 4, "patience": None, "accumulate": accumulate}
    whole = setting.train(kind, model, folder="whole", **values)
    an_epoch = whole.history[0].step
    stops = [1, 2, an_epoch - 3, an_epoch, an_epoch + 1]
    assert sum(stops) < whole.history[-1].step, "nothing to see: the last stop comes too late"
    for stop_after in stops:
        with pytest.raises(Stopped):
            setting.train(kind, model, stop_after=stop_after, **values)
    heard: list[EpochMetrics] = []
    resumed = setting.train(kind, model, heard=heard, **values)
    assert bytes_of(resumed, tmp_path / "x") == bytes_of(whole, tmp_path / "y")
    assert [epoch.epoch for epoch in heard] == [1, 2, 3, 4]
    figures = ("step", "lr", "train_loss", "accuracy", "macro_f1", "log_loss")
    for name in figures:
        assert [getattr(each, name) for each in resumed.history] == [getattr(each, name) for each in whole.history]


def test_a_run_that_was_stopped_during_validation_goes_on_with_it(setting: Setting, tmp_path: Path) -> None:
    whole = setting.train(folder="whole")
    with pytest.raises(Stopped) as stopped:
        setting.train(stop_in_validation=True)
    assert stopped.value.step == whole.history[0].step
    heard: list[EpochMetrics] = []
    resumed = setting.train(heard=heard)
    assert [epoch.epoch for epoch in heard] == [1, 2]
    assert bytes_of(resumed, tmp_path / "x") == bytes_of(whole, tmp_path / "y")
    assert [epoch.train_loss for epoch in heard] == [epoch.train_loss for epoch in whole.history]


def test_a_checkpoint_comes_when_it_is_time(setting: Setting) -> None:
    with pytest.raises(Stopped) as stopped:
        setting.train(stop_after=7, checkpoint_seconds=0)
    assert stopped.value.step == 7
    assert [path.name[-2:] for path in steps(setting.checkpoints / "checkpoints")] == ["05", "06", "07"]
    with pytest.raises(Stopped):
        setting.train(stop_after=7, folder="other")
    assert [path.name[-2:] for path in steps(setting.checkpoints / "other")] == ["07"]


class Died(Exception):  # noqa: N818  # it stands for a kill
    """A process that ends where it ends."""


class Dying(Bag):
    """A bag that is gone where its second epoch begins, or in validation where that takes `seconds`."""

    seconds = 0.0

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        self.validated = getattr(self, "validated", 0) + (not self.training)
        until = time.monotonic() + self.seconds
        while not self.training and time.monotonic() < until:
            pass
        if self.validated and (self.training or (self.seconds and self.validated == 2)):
            raise Died
        return super().forward(input_ids, attention_mask)


@pytest.mark.parametrize(("seconds", "kept"), [(0.0, "epoch"), (1.2, "updates")])
def test_a_checkpoint_is_not_put_off_by_validation(setting: Setting, seconds: float, kept: str) -> None:
    rows = subset(load_split(setting.prepared, "train"), np.arange(64))
    values: dict[str, Any] = {"rows": rows, "epochs": 3, "token_budget": 256, "patience": None}
    whole = setting.train(folder="whole", **values)
    torch.manual_seed(read("train/default")["seed"])
    bag = bag_of(setting)
    network = Dying(bag.shape)
    network.load_state_dict(bag.state_dict())
    network.seconds = seconds
    with pytest.raises(Died):
        setting.train(network=network, checkpoint_seconds=1.0 if seconds else 0.0, **values)
    found = latest(setting.checkpoints / "checkpoints")
    assert found is not None
    done = {"epoch": len(found.state["history"]), "updates": found.state["begun"]["updates"]}
    assert done == {"epoch": 0, "updates": 0} | {kept: 1 if kept == "epoch" else whole.history[0].step}
    resumed = setting.train(**values)
    figures = [[(each.step, each.train_loss, each.log_loss) for each in run.history] for run in (resumed, whole)]
    assert figures[0] == figures[1]


def test_figures_are_on_disk_before_anybody_hears_of_them(setting: Setting) -> None:
    path = setting.checkpoints / "checkpoints" / "history.csv"

    class Heard(list[EpochMetrics]):
        def append(self, epoch: EpochMetrics) -> None:
            super().append(epoch)
            assert read_csv(path) == self

    setting.train(heard=Heard(), epochs=3, patience=None)
    assert len(read_csv(path)) == 3


def test_a_finished_run_is_not_trained_again(setting: Setting, tmp_path: Path) -> None:
    def on_disk() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (setting.checkpoints / "checkpoints").rglob("*")}

    done = setting.train()
    before = on_disk()
    again = setting.train()
    assert again.history == done.history
    assert on_disk() == before, "the only checkpoint was written again"
    assert bytes_of(again, tmp_path / "x") == bytes_of(done, tmp_path / "y")


def test_of_a_finished_run_only_the_result_is_kept(setting: Setting) -> None:
    with pytest.raises(Stopped):
        setting.train(epochs=3, patience=None, stop_after=2, checkpoint_seconds=0)
    before = steps(setting.checkpoints / "checkpoints")
    trained = setting.train(epochs=3, patience=None)
    (kept,) = steps(setting.checkpoints / "checkpoints")
    assert len(before) == 2
    assert kept not in before
    with safe_open(kept / "tensors.safetensors", "pt") as file:
        assert set(file.keys()) == {f"best/{name}" for name in trained.model.state_dict()}


def test_the_best_epoch_is_kept(setting: Setting) -> None:
    heard: list[EpochMetrics] = []
    model = SMALL_ENCODER | {"lr": 0.03, "dropout": 0.0, "token_dropout": 0.0}
    trained = setting.train("encoder", model, epochs=8, metric="log_loss", patience=None, heard=heard)
    best = min(heard, key=lambda epoch: epoch.log_loss)
    assert [epoch.epoch for epoch in heard] == list(range(1, 9))
    assert trained.best_epoch == best.epoch < 8, "nothing to see: the last epoch is the best"
    rows, meta = load_split(setting.prepared, "validation"), load_meta(setting.prepared)
    measured = measure(rows.labels, predict(trained.model, rows, 4096, meta.pad_id))
    assert measured["log_loss"] == pytest.approx(best.log_loss, rel=1e-5)


def test_rates_follow_the_schedule(setting: Setting) -> None:
    trained = setting.train("encoder", SMALL_ENCODER | {"lr": 0.01}, epochs=3, warmup=0.5, final_lr=0.1, patience=None)
    total = trained.history[-1].step
    expected = [0.01 * rate_share(epoch.step - 1, total, 0.5, 0.1) for epoch in trained.history]
    assert [epoch.lr for epoch in trained.history] == pytest.approx(expected)
    assert len(set(expected)) == 3


@pytest.mark.parametrize("values", [{"label_smoothing": 0.3}, {"clip_norm": 0.01}, {"weight_decay": 1.0}])
def test_an_option_of_training_changes_the_weights(setting: Setting, tmp_path: Path, values: dict[str, float]) -> None:
    off = {"label_smoothing": 0.0, "clip_norm": None, "weight_decay": 0.0, "epochs": 1}
    plain = setting.train("encoder", SMALL_ENCODER, folder="a", **off)
    other = setting.train("encoder", SMALL_ENCODER, folder="b", **off | values)
    assert bytes_of(other, tmp_path / "x") != bytes_of(plain, tmp_path / "y")


def test_the_loss_of_training_is_plain_cross_entropy(setting: Setting) -> None:
    model = SMALL_ENCODER | {"dropout": 0.0, "token_dropout": 0.0, "lr": 1e-9}
    values: dict[str, Any] = {"epochs": 1, "label_smoothing": 0.5, "class_weights": "balanced"}
    trained = setting.train("encoder", model, **values)
    rows, meta = load_split(setting.prepared, "train"), load_meta(setting.prepared)
    measured = measure(rows.labels, predict(trained.model, rows, 4096, meta.pad_id))
    assert trained.history[0].train_loss == pytest.approx(measured["log_loss"], rel=1e-4)


def test_every_epoch_sees_every_row_in_another_order(setting: Setting) -> None:
    network = watching(setting)
    setting.train(network=network, epochs=2, patience=None)
    rows = len(load_split(setting.prepared, "train").labels)
    first, second = network.seen[: len(network.seen) // 2], network.seen[len(network.seen) // 2 :]
    assert sum(map(len, first)) == sum(map(len, second)) == rows
    assert [batch.tolist() for batch in first] != [batch.tolist() for batch in second]


def test_training_stops_when_patience_is_over(setting: Setting) -> None:
    # a rate this small moves no label, so no epoch is better than the first
    model = {"lr": 1e-9, "wide_lr": 1e-9, "piece_lr": 1e-9}
    trained = setting.train(model=model, epochs=9, patience=2)
    assert len(trained.history) == 3
    assert trained.best_epoch == 1


def test_patience_counts_from_the_best_epoch(setting: Setting) -> None:
    config = TrainConfig.model_validate_json(json.dumps(read("train/default") | {"epochs": 9, "patience": 3}))
    epoch = EpochMetrics(1, 1, 0.1, 1.0, 0.5, 0.5, 1.0, 1.0, 1.0)
    assert not State([epoch] * 4, {}, 2).finished(config)
    assert State([epoch] * 5, {}, 2).finished(config)
    assert State([epoch] * 9, {}, 9).finished(config)


def test_better_is_lower_only_for_the_log_loss() -> None:
    epoch = EpochMetrics(1, 1, 0.1, 1.0, 0.5, 0.5, 1.0, 1.0, 1.0)
    assert better(replace(epoch, accuracy=0.6), epoch, "accuracy")
    assert not better(replace(epoch, accuracy=0.6), epoch, "macro_f1")
    assert better(replace(epoch, log_loss=0.9), epoch, "log_loss")
    assert not better(epoch, epoch, "accuracy")


@pytest.mark.parametrize("clip_norm", [1.0, None])
def test_a_loss_that_is_no_number_names_the_step_and_keeps_the_last_checkpoint(
    setting: Setting, clip_norm: float | None
) -> None:
    with pytest.raises(Stopped):
        setting.train(epochs=2, clip_norm=clip_norm, stop_after=3)
    (kept,) = steps(setting.checkpoints / "checkpoints")
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    step = int(kept.name.removeprefix("step-")) + 2
    with pytest.raises(UserError, match=rf"not a number at step {step}.* stays in .*checkpoints.*model\.lr"):
        setting.train(network=spoiled(setting, calls=2), epochs=2, clip_norm=clip_norm)
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before
    assert steps(setting.checkpoints / "checkpoints") == [kept]


class Spoiled(Bag):
    """A bag whose logits are NaN from the given call in training on."""

    calls = 0

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        self.calls -= self.training
        logits = super().forward(input_ids, attention_mask)
        return logits * float("nan") if self.training and self.calls <= 0 else logits


class Watching(Bag):
    """A bag that remembers the batches it was trained on."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen = [*getattr(self, "seen", []), input_ids]
        return super().forward(input_ids, attention_mask)


def bag_of(setting: Setting) -> Bag:
    config: ModelConfig = TypeAdapter(ModelConfig).validate_json(json.dumps(read("model/bag")))
    bag = build(config, load_meta(setting.prepared), setting.prepared)
    assert isinstance(bag, Bag)
    return bag


def watching(setting: Setting) -> Watching:
    bag = bag_of(setting)
    network = Watching(bag.shape)
    network.load_state_dict(bag.state_dict())
    return network


def spoiled(setting: Setting, calls: int) -> Spoiled:
    bag = bag_of(setting)
    network = Spoiled(bag.shape)
    network.load_state_dict(bag.state_dict())
    network.calls = calls
    return network


def test_weights_that_the_last_update_spoiled_reach_no_checkpoint(setting: Setting) -> None:
    class SpoiledInTheEnd(Spoiled):
        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            logits = super().forward(input_ids, attention_mask)
            return logits if self.training else logits * float("nan")

    network = spoiled(setting, calls=10_000)
    network.__class__ = SpoiledInTheEnd
    with pytest.raises(UserError, match="not a number at step"):
        setting.train(network=network, epochs=1)
    assert steps(setting.checkpoints / "checkpoints") == []


def test_the_first_of_several_spoiled_steps_is_named(tmp_path: Path) -> None:
    losses = [torch.tensor(value) for value in (1.0, 2.0, float("inf"), float("nan"))]
    with pytest.raises(UserError, match="at step 99:"):
        must_be_finite(losses, 100, tmp_path)
    assert must_be_finite(losses[:2], 100, tmp_path) == 1.5


def test_a_rate_that_is_far_too_high_is_told_as_such(setting: Setting) -> None:
    with pytest.raises(UserError, match="not a number at step"):
        setting.train("encoder", SMALL_ENCODER | {"lr": 1.0}, weight_decay=10.0, clip_norm=None, epochs=60)


def test_accumulated_batches_are_one_large_batch(setting: Setting, tmp_path: Path) -> None:
    model = SMALL_ENCODER | {"dropout": 0.0, "token_dropout": 0.0}
    values: dict[str, Any] = {"epochs": 1, "clip_norm": None, "warmup": 0.0, "class_weights": "balanced"}
    split = load_split(setting.prepared, "train")
    whole = setting.train("encoder", model, folder="a", token_budget=10_000_000, **values)
    parts = setting.train("encoder", model, folder="b", token_budget=3000, accumulate=4096, **values)
    assert len(split.labels) * np.diff(split.offsets).max() > 2 * 3000
    assert whole.history[0].step == parts.history[0].step == 1
    # one AdamW step moves each weight by about the rate, whatever its gradient: rounding may turn the tiniest around
    moved = [
        (left - right).abs() < 1e-4
        for left, right in zip(whole.model.parameters(), parts.model.parameters(), strict=True)
    ]
    assert torch.cat([part.flatten() for part in moved]).float().mean() > 0.99
    assert whole.history[0].train_loss == pytest.approx(parts.history[0].train_loss, rel=1e-4)


def test_class_weights_lift_what_is_rare() -> None:
    labels = np.array([0] * 90 + [1] * 9 + [2])
    assert class_weights(labels, 4, "none").tolist() == [1, 1, 1, 1]
    balanced, root = class_weights(labels, 4, "balanced"), class_weights(labels, 4, "root")
    assert (balanced / balanced[0]).tolist() == pytest.approx([1, 10, 90, 90])
    assert (root / root[0]).tolist() == pytest.approx([1, 10**0.5, 90**0.5, 90**0.5])
    assert float(balanced[torch.from_numpy(labels)].mean()) == pytest.approx(1)


def test_class_weights_reach_the_loss(setting: Setting) -> None:
    labels = load_split(setting.prepared, "train").labels
    rare = np.concatenate([np.flatnonzero(labels == label)[: 4 if label < 5 else None] for label in range(10)])
    thinned = subset(load_split(setting.prepared, "train"), rare)
    validation = load_split(setting.prepared, "validation")
    recall = []
    for how in ("none", "balanced"):
        trained = setting.train(rows=thinned, folder=how, class_weights=how, epochs=3, metric="macro_f1")
        recall.append(trained.history[trained.best_epoch - 1].macro_f1)
    assert len(validation.labels) > 50
    assert recall[1] > recall[0] + 0.02


def subset(split: EncodedSplit, rows: np.ndarray) -> EncodedSplit:
    parts = [split.tokens[split.offsets[row] : split.offsets[row + 1]] for row in rows]
    return EncodedSplit(np.concatenate(parts), np.cumsum([0, *map(len, parts)]), split.labels[rows])


@pytest.mark.slow
def test_a_compiled_model_learns_the_same(setting: Setting) -> None:
    rows = subset(load_split(setting.prepared, "train"), np.arange(64))
    model = SMALL_ENCODER | {"dropout": 0.0, "token_dropout": 0.0}
    torch._dynamo.reset()  # what another test compiled
    torch._dynamo.utils.counters.clear()
    plain = setting.train("encoder", model, rows=rows, folder="a", epochs=1)
    assert not torch._dynamo.utils.counters["frames"]
    compiled = setting.train("encoder", model, rows=rows, folder="b", epochs=1, compile=True)
    assert torch._dynamo.utils.counters["frames"]["ok"] > 0
    assert compiled.history[0].train_loss == pytest.approx(plain.history[0].train_loss, rel=1e-4)


def test_bfloat16_trains_too(setting: Setting) -> None:
    rows = subset(load_split(setting.prepared, "train"), np.arange(64))
    trained = setting.train("encoder", SMALL_ENCODER, rows=rows, precision="bf16", epochs=1)
    assert np.isfinite(trained.history[0].train_loss)
    assert all(parameter.dtype == torch.float32 for parameter in trained.model.parameters())
