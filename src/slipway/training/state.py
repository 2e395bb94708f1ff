"""Where a training stands, how it is frozen into a checkpoint, and how it wakes up.

A checkpoint of one number of processes may be gone on with by any other: the updates are the same. What chance brings,
dropout, is then not the same as it would have been: a process that the checkpoint does not know gets random numbers by
seed, step and rank.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from slipway.config.train import TrainConfig
from slipway.errors import UserError
from slipway.files import write_whole
from slipway.training import checkpoint
from slipway.training.checkpoint import Checkpoint
from slipway.training.distributed import World
from slipway.training.epoch import EpochMetrics
from slipway.training.history import to_csv
from slipway.training.measure import better


@dataclass(frozen=True)
class Begun:
    """What is done of an epoch that is not over: updates, the nats of each process's rows, seconds."""

    updates: int = 0
    nats: tuple[float, ...] = ()
    seconds: float = 0.0

    def nats_of(self, world: World) -> float:
        """What this process goes on from: to the same last bit where the number of processes is the same."""
        if len(self.nats) == world.size:
            return self.nats[world.rank]
        return float(sum(self.nats)) if world.leads else 0.0


@dataclass(frozen=True)
class State:
    """Epochs done, the best weights so far with their epoch (0 before the first), and the epoch that has begun."""

    history: list[EpochMetrics] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    begun: Begun = Begun()

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    @property
    def step(self) -> int:
        """Updates done."""
        return (self.history[-1].step if self.history else 0) + self.begun.updates

    @property
    def seconds(self) -> float:
        """Seconds that the epochs took."""
        return self.history[-1].seconds if self.history else 0.0

    def finished(self, config: TrainConfig) -> bool:
        """All epochs are done, or `patience` of them brought nothing better."""
        waited = self.epoch - self.best_epoch
        return self.epoch >= config.epochs or (config.patience is not None and waited >= config.patience)

    def after(self, metrics: EpochMetrics, model: nn.Module, metric: str) -> "State":
        """The state after one more epoch: its weights are copied where they are the best."""
        history = [*self.history, metrics]
        if self.best_epoch and not better(metrics, self.history[self.best_epoch - 1], metric):
            return State(history, self.best, self.best_epoch)
        best = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
        return State(history, best, metrics.epoch)


def freeze(
    state: State, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], chance: dict[str, list[Tensor]]
) -> Checkpoint:
    """All that the rest of the training depends on; the batches to come follow from seed, epoch and updates done.

    `chance` is what `generators` gave.
    """
    optimizer = checkpoint.pack(optimizers)
    tensors = {
        **{f"model/{name}": tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()},
        **{f"best/{name}": tensor for name, tensor in state.best.items()},
        **{f"optimizer/{name}": tensor for name, tensor in optimizer.tensors.items()},
        **{f"rng/{kind}/{rank}": each for kind, states in chance.items() for rank, each in enumerate(states)},
    }
    values = {
        "history": [asdict(epoch) for epoch in state.history],
        "best_epoch": state.best_epoch,
        "begun": asdict(state.begun),
        "optimizer": optimizer.state,
        "processes": len(chance["cpu"]),
        "finished": False,
    }
    return Checkpoint(tensors, values)


def generators(world: World) -> dict[str, list[Tensor]]:
    """The state of torch's random numbers in each process, by device and rank."""
    chance = {"cpu": world.gather(torch.get_rng_state())}
    if torch.cuda.is_available():
        chance["cuda"] = world.gather(torch.cuda.get_rng_state())
    return chance


def resume(
    folder: Path, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], seed: int, world: World
) -> State:
    """Load the newest whole checkpoint into model, optimizers and torch's generators; where there is none, start.

    Only rank 0 need have it.
    """
    found = checkpoint.latest(folder) if world.leads else None
    if world.size > 1:
        found = checkpoint.from_bytes(world.of_first(checkpoint.to_bytes(found)))
    if found is None:
        seed_process(seed, 0, world.rank)
        return State()

    def under(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in found.tensors.items() if name.startswith(prefix)}

    history = [EpochMetrics(**epoch) for epoch in found.state["history"]]
    state = State(history, under("best/"), found.state["best_epoch"])
    if found.state["finished"]:
        return state
    model.load_state_dict(under("model/"))
    checkpoint.unpack(optimizers, under("optimizer/"), found.state["optimizer"])
    begun = found.state["begun"]
    state = replace(state, begun=Begun(begun["updates"], tuple(begun["nats"]), begun["seconds"]))
    before = found.state["processes"]
    if before != world.size:
        print(f"the checkpoint is of {before} processes, these are {world.size}: same updates, other random numbers")
    seed_process(seed, state.step, world.rank)
    if (own := f"rng/cpu/{world.rank}") in found.tensors:
        torch.set_rng_state(found.tensors[own])
    if (own := f"rng/cuda/{world.rank}") in found.tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(found.tensors[own])
    return state


def seed_process(seed: int, step: int, rank: int) -> None:
    """Random numbers of its own for each process; those of a process alone that starts are the seed's."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1)[0]) if step or rank else seed)


def record(folder: Path, history: Sequence[EpochMetrics]) -> None:
    """Put the figures of the epochs beside the checkpoints, before anybody else is told; a full disk only warns."""
    try:
        write_whole(folder / "history.csv", to_csv(history))
    except UserError as error:
        print(f"warning: the figures of epoch {len(history)}: {error}", file=sys.stderr)


def finish(folder: Path, state: State) -> None:
    """Keep of a training that is done what its result is made of: the best weights and the history."""
    values = {"history": [asdict(epoch) for epoch in state.history], "best_epoch": state.best_epoch, "finished": True}
    tensors = {f"best/{name}": tensor for name, tensor in state.best.items()}
    checkpoint.write_or_warn(folder, state.step, Checkpoint(tensors, values), kept=1)
