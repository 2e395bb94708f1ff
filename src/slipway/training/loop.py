"""The training loop, top to bottom in the order things happen."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slipway.config.model import ModelConfig
from slipway.config.train import TrainConfig
from slipway.data.prepared import EncodedSplit, Meta
from slipway.errors import UserError
from slipway.training.batches import Ints, collate, deal, in_order_of_length, move, plan
from slipway.training.checkpoint import Timer, last_step, write_or_warn
from slipway.training.distributed import ALONE, World
from slipway.training.epoch import EpochMetrics
from slipway.training.measure import measure, predict
from slipway.training.optimizers import clip, optimizers, rate_share, set_rates
from slipway.training.progress import Progress
from slipway.training.state import Begun, finish, freeze, generators, record, resume

# Looking at a loss waits for the device: on a GPU not at every step.
LOOK_EVERY = 20
# a compiled model runs once slowly for each new shape, and tensor cores like these
COLUMNS = 8
# what the processes agree on after each update
GO_ON, KEEP, STOP = 0, 1, 2


@dataclass(frozen=True)
class Trained:
    """The end of a training: the model holds the weights of `best_epoch`."""

    model: nn.Module
    history: list[EpochMetrics]
    best_epoch: int
    checkpoint_seconds: float


class Stopped(Exception):  # noqa: N818  # it is no error: a later run goes on
    """Training was asked to stop after `step`; the newest checkpoint is of step `kept`, None where there is none."""

    def __init__(self, step: int, kept: int | None) -> None:
        goes_on = "begins anew" if kept is None else f"goes on from step {kept}"
        super().__init__(
            f"stopped after step {step}, as asked; the next attempt goes on from there"
            if kept == step
            else f"stopped after step {step}, as asked, but no checkpoint could be written: the next attempt {goes_on}"
        )
        self.step = step


def train(
    model: nn.Module,
    model_config: ModelConfig,
    config: TrainConfig,
    meta: Meta,
    rows: EncodedSplit,
    validation: EncodedSplit,
    checkpoints: Path,
    on_epoch: Callable[[EpochMetrics], None] = lambda _: None,
    device: str = "cpu",
    checkpoint_seconds: float = 300.0,
    stop: Callable[[], bool] = lambda: False,
    world: World = ALONE,
) -> Trained:
    """Train `model` on `rows`, keep the weights of the epoch that is best on `validation`.

    Goes on from the newest checkpoint in the folder `checkpoints`, to the same last bit as if it had never stopped (on
    one kind of CPU). One is written every `checkpoint_seconds`, and when `stop`, which is asked after each update and
    between batches of validation, answers true. `on_epoch` hears of every epoch, of those before a resumption first,
    when its figures stand in the folder's history.csv.
    Raises UserError at the first loss that is not a number, naming the step; Stopped where `stop` ended it.

    The processes of `world` do together, but for rounding, what one would do: the rows of each update are dealt out.
    Rank 0 alone writes and reads `checkpoints`, and calls `on_epoch`.
    """
    if device != "cpu":
        torch.set_float32_matmul_precision("high")  # TF32
    model.to(device)
    opts = optimizers(model, model_config, config.weight_decay)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    weights = class_weights(rows.labels, len(meta.labels), config.class_weights)
    weights_there = weights.to(device)
    lengths = np.diff(rows.offsets)
    batches_an_epoch = len(in_order_of_length(lengths, config.token_budget))
    total = math.ceil(batches_an_epoch / config.accumulate) * config.epochs
    look_every = 1 if device == "cpu" else LOOK_EVERY

    so_far = resume(checkpoints, model, opts, config.seed, world)
    if so_far.step:
        print(f"goes on from step {so_far.step}", flush=True)
    shared = world.together(model)
    run = torch.compile(shared, dynamic=True) if config.compile else shared
    timer = Timer(checkpoint_seconds)
    was_finished = so_far.finished(config)
    # what the newest checkpoint is of: epochs and updates done
    kept = (so_far.epoch, so_far.step)
    for metrics in so_far.history if world.leads else ():
        on_epoch(metrics)

    def look_up(updates: int) -> None:
        """After so many `updates` of an epoch: write a checkpoint where it is time, end where that was asked for."""
        nonlocal kept
        here = (so_far.epoch, step)
        # a second one of the same would save nobody work
        due = world.leads and kept != here and timer.due()
        order = world.highest(STOP if stop() else KEEP if due else GO_ON)
        if order == GO_ON:
            return
        with timer.writing():
            # a checkpoint is good or is not written: the last update is seen by no loss yet
            spread = torch.stack([parameter.detach().sum() for parameter in parameters]).sum()
            must_be_finite(world.sum(torch.stack([*losses, spread])), step + 1, checkpoints)
            of_each = tuple(map(float, world.gather(nats.cpu())))
            begun = Begun(updates, of_each, time.perf_counter() - began) if updates else Begun()
            chance = generators(world)
            if world.leads and kept != here:
                frozen = freeze(replace(so_far, begun=begun), model, opts, chance)
                kept = here if write_or_warn(checkpoints, step, frozen) else kept
        if order == STOP:
            raise Stopped(step, last_step(checkpoints) if world.leads and kept != here else step)

    progress = Progress(total, config.metric)
    while not so_far.finished(config):
        epoch, step = so_far.epoch + 1, so_far.step
        began = time.perf_counter() - so_far.begun.seconds
        nats = torch.tensor(so_far.begun.nats_of(world), device=device)
        losses: list[Tensor] = []
        model.train()
        # by seed and epoch alone, so that a resumed run sees the batches that it would have seen
        batches = plan(lengths, config.token_budget, np.random.default_rng([config.seed, epoch]))
        for first in range(so_far.begun.updates * config.accumulate, len(batches), config.accumulate):
            set_rates(opts, rate_share(step, total, config.warmup, config.final_lr))
            update = batches[first : first + config.accumulate]
            weight = sum(float(weights[torch.from_numpy(rows.labels[batch])].sum()) for batch in update)
            mine = deal(update, world.rank, world.size)
            if not mine:
                # fewer rows than processes: take part with one that weighs nothing
                mine, weight = [update[0][:1]], math.inf
            loss = torch.zeros((), device=device)
            for place, batch in enumerate(mine, 1):
                parts = collate(rows, batch, meta.pad_id, COLUMNS if config.compile else 1, meta.max_length)
                ids, mask, labels = move(parts, device)
                # the processes add up their gradients once an update
                with world.apart(shared, place < len(mine)):
                    with torch.autocast(device, torch.bfloat16, enabled=config.precision == "bf16"):
                        logits = run(ids, mask)
                    part = cross_entropy(logits.float(), labels, weights_there, config.label_smoothing) / weight
                    part.backward()  # type: ignore[no-untyped-call]
                loss += part.detach()
                if weight < math.inf:
                    nats += F.cross_entropy(logits.detach().float(), labels, reduction="sum")
            if config.clip_norm is not None:
                # an infinite norm would spoil the weights: let it be seen as a loss that is not a number
                loss += 0 * clip(parameters, config.clip_norm)
            for optimizer in opts:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            losses.append(loss)
            step += 1
            if len(losses) % look_every == 0:
                last = world.sum(torch.stack(losses[-look_every:]))
                progress.advance(step, must_be_finite(last, step, checkpoints))
            look_up(first // config.accumulate + 1)
        must_be_finite(world.sum(torch.stack(losses or [nats])), step, checkpoints)
        trained = time.perf_counter()

        between = partial(look_up, math.ceil(len(batches) / config.accumulate))
        found = predict(model, validation, config.token_budget, meta.pad_id, device, world, between)
        measured = measure(validation.labels, found)
        # the last update may have spoiled the weights, and no loss has seen them yet
        must_be_finite([torch.tensor(measured["log_loss"])], step, checkpoints)
        metrics = EpochMetrics(
            epoch=epoch,
            step=step,
            lr=opts[0].param_groups[0]["peak"] * rate_share(step - 1, total, config.warmup, config.final_lr),
            train_loss=float(world.sum(nats)) / len(lengths),
            **measured,
            tokens_per_second=float(lengths.sum() / (trained - began)),
            seconds=so_far.seconds + time.perf_counter() - began,
        )
        so_far = so_far.after(metrics, model, config.metric)
        progress.epoch(metrics)
        if world.leads:
            record(checkpoints, so_far.history)
            on_epoch(metrics)
        if not so_far.finished(config):
            look_up(0)

    with timer.writing():
        if world.leads and not was_finished:
            finish(checkpoints, so_far)
    model.load_state_dict(so_far.best)
    return Trained(model.cpu().eval(), so_far.history, so_far.best_epoch, timer.spent)


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor, label_smoothing: float) -> Tensor:
    """The weighted sum over rows of the smoothed cross-entropy, in nats.

    Torch smooths with the weights of all classes (its reference says so); here each row counts by its own class.
    """
    each = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
    return (each * weights[labels]).sum()


def class_weights(labels: Ints, classes: int, how: str) -> Tensor:
    """One weight a class, float32 (classes,), 1 on average over the rows; a class without rows weighs as one row."""
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    power = {"none": 0.0, "root": 0.5, "balanced": 1.0}[how]
    raw = (1 / counts) ** power
    return torch.from_numpy((raw / raw[labels].mean()).astype(np.float32))


def must_be_finite(losses: Sequence[Tensor] | Tensor, step: int, checkpoints: Path) -> float:
    """The mean of the losses of the updates that end with `step`. Raises UserError for the first that is no number."""
    values = (losses if isinstance(losses, Tensor) else torch.stack(list(losses))).cpu()
    spoiled = (~torch.isfinite(values)).nonzero()
    if len(spoiled):
        at = step - len(losses) + 1 + int(spoiled[0])
        kept = f"The last good checkpoint stays in {checkpoints}." if any(checkpoints.glob("step-*")) else ""
        raise UserError(
            f"the loss is not a number at step {at}: training stopped. {kept} "
            "Lower model.lr (or model.wide_lr), or set train.clip_norm."
        )
    return float(values.mean())
