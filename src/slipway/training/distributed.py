"""The processes that train one model together: how they meet, and what they tell each other.

All of them keep the same model and plan the same batches; each works on its share of every update, and their gradients
are added up. A process alone talks to nobody.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

# DistributedDataParallel imports it: while there is a group, which its functions' defaults would hold for ever, with
# the group's threads, and Python aborts where one of those lets go of a Python object at the very end
import torch.distributed.nn.functional
from torch import Tensor, nn
from torch._C._distributed_c10d import GradBucket
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel

from slipway.models.pretrained import Pretrained

# for a process that vanished without closing its connections, and for the longest work that one does for all
PATIENCE = timedelta(minutes=15)


@dataclass(frozen=True)
class World:
    """This process is `rank` of `size`; the methods are called by all of them, in the same order."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes, logs and tracks."""
        return self.rank == 0

    def together(self, model: nn.Module) -> nn.Module:
        """The model with the weights of rank 0; a backward ends with the sum of all processes' gradients."""
        if self.size == 1:
            return model
        # the pooler of some pretrained encoders takes part in nothing
        unused = isinstance(model, Pretrained)
        shared = DistributedDataParallel(model, forward_sync_buffers=False, find_unused_parameters=unused)
        shared.register_comm_hook(None, add_up)
        return shared

    def apart(self, model: nn.Module, apart: bool = True) -> AbstractContextManager[None]:
        """What `together` gave adds nothing up in this block: there is more to come before the update."""
        return model.no_sync() if apart and isinstance(model, DistributedDataParallel) else nullcontext()

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def highest(self, value: int) -> int:
        """The highest of the values of all processes; waits for no GPU."""
        if self.size == 1:
            return value
        found = torch.tensor(value)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return int(found)

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """The tensors of all processes, on the CPU and of one shape, by rank."""
        if self.size == 1:
            return [tensor]
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(found, tensor)
        return found

    def of_first(self, content: bytes) -> bytes:
        """What rank 0 has; what the others have is not looked at."""
        if self.size == 1:
            return content
        length = self.highest(len(content) if self.leads else 0)
        if not length:
            return b""
        sent = (
            torch.frombuffer(bytearray(content), dtype=torch.uint8)
            if self.leads
            else torch.empty(length, dtype=torch.uint8)
        )
        dist.broadcast(sent, 0)
        return sent.numpy().tobytes()


ALONE = World()


@contextmanager
def world() -> Iterator[World]:
    """Meet the other processes that torchrun started; alone where it did not.

    CPUs talk by gloo, and so do GPUs' processes about what is not on a GPU; GPUs by NCCL.
    """
    if not dist.is_torchelastic_launched():
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    found = World(dist.get_rank(), dist.get_world_size())
    yield found
    # together, since torchrun ends all soon after the first; but not after an error, where others may be gone
    found.highest(0)
    dist.destroy_process_group()


def add_up(_: object, bucket: GradBucket) -> Future[Tensor]:
    """The sum of all processes' gradients; DistributedDataParallel's own is their mean.

    NCCL takes no sparse tensor: on GPUs a table's gradient is summed whole, and its rows that are not 0 stay.
    """
    gradient = bucket.buffer()
    if gradient.is_sparse and gradient.is_cuda:
        table = gradient.to_dense()
        dist.all_reduce(table)
        done: Future[Tensor] = Future(devices=[table.device])
        done.set_result(table.to_sparse(1))
        return done
    summed: Future[list[Tensor]] = dist.all_reduce(gradient, async_op=True).get_future()
    return summed.then(lambda done: done.value()[0])
