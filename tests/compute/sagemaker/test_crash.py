"""Whoever submits may be killed at every call to AWS: there is one job, and in the end its model."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.call import Call

# imports and reads what `slipway train` does once, and becomes a fresh process of it for each line that it reads
RUNNER = """
import functools, gc, os, sys
import boto3, botocore.session
from slipway.compute.sagemaker import backend
from slipway.config.compose import runtime
from slipway.__main__ import main
import slipway.verbs.train, slipway.tracking

backend.POLL_SECONDS = 0.05
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
for service in ("sagemaker", "s3", "logs", "ecr"):
    boto3.Session(region_name="us-east-1").client(service)
runtime()
gc.freeze()
for _ in sys.stdin:
    child = os.fork()
    if not child:
        os._exit(main(["train"]))
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Runs:
    """Runs `slipway train` in a process of its own, again and again."""

    def __init__(self, log: Path) -> None:
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True
            )
        self.pid, self.known = 0, Event()

    def run(self) -> int:
        """The status of one run, as os.waitpid gives it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.known.clear()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.pid = int(self.process.stdout.readline())
        self.known.set()
        return int(next(line for line in self.process.stdout if line.strip().isdigit()))

    def kill(self) -> None:
        """Kill the run that goes on."""
        self.known.wait(30)
        os.kill(self.pid, signal.SIGKILL)


@pytest.fixture
def runs(checkout: Path, tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path / "log")
    yield made
    made.process.communicate()


class Killed(Exception):  # noqa: N818  # it ends a request that nobody waits for
    """The client is gone before AWS did anything."""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_every_call_leaves_one_job_and_its_model(
    account: EmulatedAws, checkout: Path, runs: Runs, change: Callable[..., None], when: str
) -> None:
    change(epochs=60, patience=None)  # so that it is waited for
    calls: Counter[str] = Counter()
    crashed: set[tuple[str, int]] = set()
    alive = True

    def hook(call: Call) -> None:
        nonlocal alive
        calls[call.action] += 1
        # every object that is sent or fetched; of what is asked again and again while the job runs, the first times
        point = (call.action, calls[call.action] if call.service == "s3" else min(calls[call.action], 3))
        if alive and point not in crashed:
            crashed.add(point)
            alive = False
            runs.kill()
            if when == "before":
                raise Killed

    setattr(account, when, hook)
    while os.WIFSIGNALED(status := runs.run()):
        assert os.WTERMSIG(status) == signal.SIGKILL
        calls.clear()
        alive = True
    assert os.WEXITSTATUS(status) == 0
    assert len(account.sagemaker.workers) == 1, "the same was trained twice"
    points = {"HeadBucket", "DescribeImages", "PutObject", "CreateTrainingJob", "GetLogEvents", "GetObject"}
    assert points <= {action for action, _ in crashed}
    done = json.loads((checkout / "models" / "train" / "train.json").read_text(encoding="utf-8"))
    assert [f"slipway-{done['job']}-1"] == list(account.sagemaker.workers)
    for name in done["files"]:
        assert (checkout / "models" / "train" / name).is_file()
