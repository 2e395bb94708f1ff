"""What training needs to go on where it stopped: safetensors and JSON, one folder a checkpoint, hashes last."""

import json
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from slipway.errors import UserError
from slipway.files import sha256, whole_folder, write_json, write_whole

MANIFEST = "manifest.json"
STATE = "state.json"
TENSORS = "tensors.safetensors"
# on S3, where every file and every removal comes in its own time, the last two may both be half there
KEPT = 3
# a second number tells those of one step apart: none takes the place of another, which would be gone for a moment
NAME = re.compile(r"step-(\d{10})(-\d{4})?")


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and everything else as plain JSON values."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]


def write(folder: Path, step: int, checkpoint: Checkpoint, kept: int = KEPT) -> None:
    """Write `step-N` under `folder`, then remove all but the last `kept`. Raises UserError where the disk is full.

    What stands there stays until its successor does: a second one of the same step is `step-N-0001`.
    """
    for torn in folder.glob(".step-*.new"):
        shutil.rmtree(torn, ignore_errors=True)  # what a killed process was writing
    own = [path for path in steps(folder) if step_of(path) == step]
    path = folder / (f"step-{step:010d}" + (f"-{int(own[-1].name[16:] or 0) + 1:04d}" if own else ""))
    with whole_folder(path) as fresh:
        write_whole(fresh / TENSORS, safetensors.torch.save(checkpoint.tensors))
        write_json(fresh / STATE, checkpoint.state)
        hashes = {name: sha256(fresh / name) for name in (STATE, TENSORS)}
        # last: a copy that arrives file by file, in any order, is whole only once this has come
        write_json(fresh / MANIFEST, {"step": step, "files": hashes})
    # a newer one is none that verifies: this training would have gone on from it
    stay = [each for each in steps(folder) if each <= path][-kept:]
    for other in set(steps(folder)).difference(stay):
        shutil.rmtree(other, ignore_errors=True)


def latest(folder: Path) -> Checkpoint | None:
    """What the newest checkpoint that verifies holds."""
    path = newest(folder)
    if path is None:
        return None
    tensors = safetensors.torch.load((path / TENSORS).read_bytes())
    return Checkpoint(tensors, json.loads((path / STATE).read_text(encoding="utf-8")))


def newest(folder: Path) -> Path | None:
    """The newest checkpoint that verifies; others are passed over with a warning."""
    for path in reversed(steps(folder)):
        fault = wrong_with(path)
        if fault is None:
            return path
        print(f"warning: {path}: {fault}: this checkpoint is passed over", file=sys.stderr)
    return None


def to_bytes(found: Checkpoint | None) -> bytes:
    """A checkpoint as one process sends it to another."""
    if found is None:
        return b""
    tensors: bytes = safetensors.torch.save(found.tensors)
    return json.dumps(found.state).encode() + b"\n" + tensors


def from_bytes(content: bytes) -> Checkpoint | None:
    """What `to_bytes` made bytes of."""
    state, _, tensors = content.partition(b"\n")
    return Checkpoint(safetensors.torch.load(tensors), json.loads(state)) if content else None


def last_step(folder: Path) -> int | None:
    """The updates that the next attempt need not do again; None where there is no checkpoint."""
    path = newest(folder)
    return None if path is None else step_of(path)


def steps(folder: Path) -> list[Path]:
    """All checkpoint folders, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name))


def step_of(path: Path) -> int:
    """The updates that were done when the checkpoint of this name was written."""
    return int(path.name[5:15])


def wrong_with(path: Path) -> str | None:
    """Why a checkpoint folder cannot be trusted, or None."""
    try:
        return _wrong_with(path)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"


def _wrong_with(path: Path) -> str | None:
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        files = dict(manifest["files"])
        own = path.name[:15] == f"step-{manifest['step']:010d}" and set(files) == {STATE, TENSORS}
    except FileNotFoundError:
        return f"{MANIFEST} is missing"
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"{MANIFEST} is damaged"
    if not own:
        return f"{MANIFEST} is of another checkpoint"
    for name, digest in files.items():
        if not (path / name).is_file():
            return f"{name} is missing"
        if sha256(path / name) != digest:
            return f"{name} is damaged"
    return None


def pack(optimizers: Sequence[torch.optim.Optimizer]) -> Checkpoint:
    """The optimizers' states; AdamW counts its steps in a tensor, SparseAdam in an int."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for place, optimizer in enumerate(optimizers):
        for parameter, values in optimizer.state_dict()["state"].items():
            for key, value in values.items():
                name = f"{place}/{parameter}/{key}"
                if isinstance(value, Tensor):
                    tensors[name] = value.detach().cpu().contiguous()
                else:
                    numbers[name] = value
    return Checkpoint(tensors, numbers)


def unpack(
    optimizers: Sequence[torch.optim.Optimizer], tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]
) -> None:
    """Give optimizers over the same parameters the states that `pack` took."""
    states: list[dict[int, dict[str, Any]]] = [{} for _ in optimizers]
    for name, value in [*tensors.items(), *numbers.items()]:
        place, parameter, key = name.split("/")
        states[int(place)].setdefault(int(parameter), {})[key] = value
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def write_or_warn(folder: Path, step: int, checkpoint: Checkpoint, kept: int = KEPT) -> bool:
    """As `write`, but a full disk only warns: training goes on, and the next checkpoint is tried again."""
    try:
        write(folder, step, checkpoint, kept)
    except UserError as error:
        print(f"warning: no checkpoint at step {step}: {error}", file=sys.stderr)
        return False
    return True


class Timer:
    """Says when the next checkpoint is due: `every` so many seconds, or later where writing takes long.

    The first is written after `every`, as nobody knows what it takes; each other waits until all of them, this one
    included if it takes what the last one took, have taken at most `SHARE` of the time. 0 asks for one after each
    update all the same.
    """

    SHARE = 0.02

    def __init__(self, every: float) -> None:
        self.every = every
        self.spent = 0.0  # seconds for checkpoints so far
        self.began = time.monotonic()
        self.due_at = self.began + every

    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self.due_at

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure how long a checkpoint takes, and put off the next accordingly."""
        began = time.monotonic()
        yield
        now = time.monotonic()
        self.spent += now - began
        affordable = self.began + (self.spent + now - began) / self.SHARE
        self.due_at = max(now + self.every, affordable) if self.every else now
