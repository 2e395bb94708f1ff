"""Starts the processes of a training job: `python -m slipway.training.launch [FOLDER]`, /opt/ml by default.

One process becomes slipway.training.entry. Several, one a GPU on each host of the job, run under torchrun: SIGTERM is
handed on to each of them, and the exit status is entry's. A process that dies without a word is named in
output/failure, with what killed it; the next attempt goes on from the newest checkpoint.
"""

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from slipway.errors import UserError
from slipway.training.layout import Hosts, Layout, reported

ENTRY = "slipway.training.entry"
STOPPED = 143
PORT = "29400"  # of the first host, where there are several and MASTER_PORT says nothing
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
# how long after the first process others may die of the same cause; torchrun kills those that hang 30 seconds later
TOGETHER = 10


def main(words: list[str]) -> int:
    """Run the job of a folder; returns the exit status. Where one process is enough, this one becomes it."""
    layout = Layout(Path(words[0] if words else "/opt/ml"))
    layout.failure.unlink(missing_ok=True)
    return reported(layout, lambda: launch(layout))


def launch(layout: Layout) -> int:
    """Become the one process of a job, or run this host's; returns the exit status."""
    job, hosts, gpus = layout.read_job(), layout.read_hosts(), count_gpus()
    processes = job.processes or max(1, gpus)
    if 0 < gpus < processes:
        raise UserError(
            f"compute.processes: {processes} is more than the {gpus} GPUs of this machine; null is one a GPU."
        )
    if processes * len(hosts.names) == 1:
        os.execv(sys.executable, [sys.executable, "-m", ENTRY, str(layout.root)])
    # torchrun would give each process one
    os.environ["OMP_NUM_THREADS"] = str(job.train.threads)
    return several(layout, hosts, processes)


def several(layout: Layout, hosts: Hosts, processes: int) -> int:
    """Run this host's processes under torchrun; returns the exit status."""
    # local mode names an interface that is not there
    if len(hosts.names) > 1 and hosts.interface is not None:
        for library in ("GLOO", "NCCL"):
            os.environ.setdefault(f"{library}_SOCKET_IFNAME", hosts.interface)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hand_on)
    # torchrun calls every end a failure; what happened is said below
    logging.getLogger("torch.distributed.elastic.multiprocessing").setLevel(logging.CRITICAL)
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    if len(hosts.names) == 1:
        meeting = ["--standalone", "--local-addr=127.0.0.1"]
    else:
        port = os.environ.get("MASTER_PORT", PORT)
        place = [f"--nnodes={len(hosts.names)}", f"--node-rank={hosts.here}"]
        meeting = [*place, f"--master-addr={hosts.names[0]}", f"--master-port={port}"]
    # SIGTERM is ours: torchrun would kill, after a while, what still writes its checkpoint
    options = [*meeting, f"--nproc-per-node={processes}", "--signals-to-handle=SIGHUP"]
    try:
        run(parse_args([*options, "-m", ENTRY, str(layout.root)]))  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        first = min(failure.timestamp for failure in error.failures.values())
        ended = {rank: each.exitcode for rank, each in error.failures.items() if each.timestamp < first + TOGETHER}
        return ending(ended, layout)
    return 0


def hand_on(*_: object) -> None:
    """Give a signal to the processes that train; where there is none yet, there is nothing to save."""
    import psutil

    workers = psutil.Process().children()
    if not workers:
        raise SystemExit(STOPPED)
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            worker.terminate()


def ending(ended: Mapping[int, int], layout: Layout) -> int:
    """The exit status of the job whose processes, by rank, `ended` with these; says why where none of them could."""
    killed = [rank for rank, status in sorted(ended.items()) if status < 0 and status != -signal.SIGTERM]
    statuses = set(ended.values())
    if not killed and statuses <= {STOPPED, -signal.SIGTERM}:
        return STOPPED
    if killed:
        # what the others wrote is that they lost this one
        layout.failure.unlink(missing_ok=True)
        which = ", ".join(f"process {rank} was killed by {signal.Signals(-ended[rank]).name}" for rank in killed)
        memory = " Was it short of memory?" if -signal.SIGKILL in statuses else ""
        say(f"{which}, and training cannot go on without it.{memory} The next attempt resumes it.", layout)
    elif not layout.failure.is_file():
        say(f"the processes of the training ended with {dict(ended)}, and left no word", layout)
    return 2 if 2 in statuses and not killed else 1


def say(reason: str, layout: Layout) -> None:
    """Leave the reason in the log and in output/failure."""
    print(f"error: {reason}", file=sys.stderr, flush=True)
    layout.write_failure(reason)


def one_of_several() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def die_with_parent() -> None:
    """Have Linux kill this process when the launcher is gone: with it goes the lock that keeps a second job away."""
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


def count_gpus() -> int:
    """How many GPUs of this machine may be used; without torch, whose import takes seconds."""
    if version("torch").endswith("+cpu"):
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
