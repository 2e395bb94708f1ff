"""A job on this machine outlives whoever started it, is never trained twice, and goes on after any end."""

import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from slipway.compute.backend import Inputs
from slipway.compute.folder import JobFolder
from slipway.compute.local import Local
from slipway.errors import UserError
from slipway.training.layout import Job

LONG = 500  # epochs


def local(tmp_path: Path, job: Job) -> Local:
    return Local(JobFolder(job.hash, tmp_path / ".slipway"))


def started(tmp_path: Path, prepared: Path, job: Job) -> Local:
    """A backend whose job has done its first epoch."""
    backend = local(tmp_path, job)
    assert backend.status() == "absent"
    assert backend.submit(job, Inputs(prepared, None, None))
    next(line for line in backend.follow() if line.startswith("epoch"))
    return backend


def worker(backend: Local) -> int:
    return int((backend.folder.path / "pid").read_text())


def ended(backend: Local) -> list[str]:
    return list(backend.follow())


def test_a_job_runs_to_its_end_and_is_collected(job_of, tmp_path: Path, prepared: Path) -> None:
    job = job_of()
    backend = local(tmp_path, job)
    assert backend.submit(job, Inputs(prepared, None, None))
    lines = ended(backend)
    assert backend.status() == "done"
    assert sum(line.startswith("epoch") for line in lines) == 3
    assert backend.name == f"slipway-{'0' * 16}-1"
    backend.folder.claim(tmp_path / "out")
    assert backend.folder.deliver(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "history.csv", "model.json", "model.safetensors", "train.json",
    ]  # fmt: skip
    assert not backend.submit(job, Inputs(prepared, None, None)), "a job that is done was started again"


def test_a_job_that_runs_is_found_and_not_started_again(job_of, tmp_path: Path, prepared: Path) -> None:
    job = job_of(epochs=LONG)
    first = started(tmp_path, prepared, job)
    second = local(tmp_path, job)
    assert second.status() == "running"
    assert not second.submit(job, Inputs(prepared, None, None))
    assert second.name == first.name
    second.stop()
    assert any("as asked" in line for line in ended(first))


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.slow
def test_a_job_whose_worker_was_killed_goes_on(job_of, tmp_path: Path, prepared: Path, by: signal.Signals) -> None:
    job = job_of(minutes=0.0, epochs=4)
    backend = started(tmp_path, prepared, job)
    os.kill(worker(backend), by)
    ended(backend)
    assert backend.status() == "stopped"
    backend.folder.claim(tmp_path / "out")
    with pytest.raises(UserError, match=r"slipway-0+-1 stopped: "):
        backend.collect()
    assert backend.submit(job, Inputs(prepared, None, None))
    assert backend.name.endswith("-2")
    ended(backend)
    assert backend.folder.deliver(tmp_path / "out")
    other = job_of(epochs=4, digits="1")
    whole = local(tmp_path, other)
    whole.submit(other, Inputs(prepared, None, None))
    ended(whole)
    one, other = (each.layout.model / "model.safetensors" for each in (backend, whole))
    assert one.read_bytes() == other.read_bytes()


def test_what_happens_to_the_project_meanwhile_is_not_seen(job_of, tmp_path: Path, prepared: Path) -> None:
    copy = shutil.copytree(prepared, tmp_path / "prepared")
    job = job_of()
    backend = local(tmp_path, job)
    backend.submit(job, Inputs(copy, None, None))
    shutil.rmtree(copy)
    ended(backend)
    assert backend.status() == "done"


def test_a_failed_job_says_why_and_may_be_tried_again(job_of, tmp_path: Path, prepared: Path) -> None:
    job = job_of("encoder", model={"lr": 1.0}, weight_decay=10.0, clip_norm=None, epochs=60)
    backend = local(tmp_path, job)
    backend.submit(job, Inputs(prepared, None, None))
    ended(backend)
    assert backend.status() == "failed"
    backend.folder.claim(tmp_path / "out")
    with pytest.raises(UserError, match=r"-1 failed: the loss is not a number at step"):
        backend.collect()
    assert not (tmp_path / "out").exists()
    assert backend.submit(job, Inputs(prepared, None, None))
    ended(backend)


def test_of_two_who_wait_for_one_folder_the_later_fills_it(job_of, tmp_path: Path, prepared: Path) -> None:
    job = job_of(epochs=1)
    backend = local(tmp_path, job)
    backend.submit(job, Inputs(prepared, None, None))
    ended(backend)
    backend.folder.claim(tmp_path / "out")
    claim = next((backend.folder.path / "waiting").iterdir())
    claim.write_text("1")  # another process
    assert not backend.folder.deliver(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    backend.folder.claim(tmp_path / "out")
    assert backend.folder.deliver(tmp_path / "out")


def test_looking_does_not_keep_a_job_from_starting(job_of, tmp_path: Path, prepared: Path) -> None:
    job = job_of(epochs=1)
    backend = local(tmp_path, job)
    began = time.monotonic()
    looking = os.fork()
    if not looking:
        while time.monotonic() < began + 2:
            backend.status()
        os._exit(0)
    assert backend.submit(job, Inputs(prepared, None, None))
    os.waitpid(looking, 0)
    ended(backend)
    assert backend.status() == "done"


def test_stopping_a_job_ends_no_other_process(job_of, tmp_path: Path, prepared: Path) -> None:
    job = job_of(epochs=1)
    backend = local(tmp_path, job)
    stranger = subprocess.Popen(["sleep", "60"])
    backend.folder.path.mkdir(parents=True)
    (backend.folder.path / "pid").write_text(str(stranger.pid))  # the last attempt's number, which another has now
    stopping = threading.Thread(target=backend.stop)

    def copy_while_stopping(source: Path, *_: object, **__: object) -> None:
        stopping.start()
        stopping.join(0.5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shutil, "copytree", copy_while_stopping)
        backend.submit(job, Inputs(prepared, None, None))
    stopping.join()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    ended(backend)


def test_a_job_that_ended_meanwhile_is_stopped_without_a_word(job_of, tmp_path: Path, prepared: Path) -> None:
    backend = started(tmp_path, prepared, job_of(epochs=LONG))
    running = worker(backend)
    backend.stop()
    ended(backend)
    (backend.folder.path / "pid").write_text(str(running))
    with (backend.folder.path / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as if it still ran
        backend.stop()


def test_a_job_that_did_not_come_to_start_says_nothing(job_of, tmp_path: Path) -> None:
    assert list(local(tmp_path, job_of()).follow()) == []


def test_inputs_are_taken_along_where_dvc_links_them(job_of, tmp_path: Path, prepared: Path) -> None:
    cache = shutil.copytree(prepared, tmp_path / "cache")
    linked = tmp_path / "prepared"

    def link(source: str, target: str) -> None:
        Path(target).symlink_to(cache / Path(source).relative_to(prepared))

    shutil.copytree(prepared, linked, copy_function=link)
    backend = local(tmp_path, job_of(epochs=1))
    backend.submit(job_of(epochs=1), Inputs(linked, None, None))
    shutil.rmtree(cache)
    ended(backend)
    assert backend.status() == "done"
