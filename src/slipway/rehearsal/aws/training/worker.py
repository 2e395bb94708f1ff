"""Runs a job as SageMaker does: from S3 to a folder like /opt/ml, the image's `train` on it, and back to S3."""

import os
import random
import socket
import subprocess
import sys
import tarfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

from slipway.rehearsal.aws.training.folder import algorithm_error, checkpoints, prepare
from slipway.rehearsal.aws.training.jobs import TrainingJob
from slipway.rehearsal.sweep import MARK, sweep

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SYNC_SECONDS = 0.05
CAPACITY = "Unable to provision requested ML compute capacity. Please retry using a different ML instance type."


class Worker(Thread):
    """The machines of one job. `s3` and `logs` are clients; `train` is the command that takes the job's folder."""

    def __init__(
        self, job: TrainingJob, s3: Any, logs: Any, train: list[str], folder: Path, environment: dict[str, str],
        grace: float, capacity: bool, seed: int,
    ) -> None:  # fmt: skip
        super().__init__(name=job.name, daemon=True)
        self.job, self.s3, self.logs, self.train, self.folder = job, s3, logs, train, folder
        self.environment, self.grace, self.capacity = environment, grace, capacity
        self.random = random.Random(f"{seed} {job.name}")  # noqa: S311
        self.attempt = 0
        self.ending = ""  # the secondary status that someone asked for
        self.lose_checkpoint = False
        self.processes: list[subprocess.Popen[bytes]] = []
        self.timers: list[Timer] = []

    def end(self, secondary: str, lose_checkpoint: bool = False) -> None:
        """SIGTERM, and SIGKILL after the grace; a stop outranks an interruption."""
        with self.job.changed:
            if self.job.over or self.ending not in ("", "Interrupted"):
                return
            self.ending, self.lose_checkpoint = secondary, lose_checkpoint
            if secondary == "Stopped":
                self.job.move("Stopping")
            self._terminate()

    def kill(self) -> None:
        """End without a word: the emulation closes."""
        with self.job.changed:
            self.ending = "Stopped"
            for process in self.processes:
                process.kill()

    def run(self) -> None:
        """From Starting to the end."""
        try:
            limits = self.job.request["StoppingCondition"]
            if "MaxWaitTimeInSeconds" in limits:
                self._after(limits["MaxWaitTimeInSeconds"], self.end, "MaxWaitTimeExceeded")
            if not self.capacity:
                # a spot job waits as long as it may; here at once
                if self.job.spot:
                    return self.job.move("MaxWaitTimeExceeded")
                return self.job.move("Failed", f"CapacityError: {CAPACITY}")
            while not self._attempt():
                self.job.move("Interrupted")
                with self.job.changed:
                    self.ending = "" if self.ending == "Interrupted" else self.ending
                    self.lose_checkpoint = False
                self.job.move("Starting")
        except Exception as error:
            traceback.print_exc()
            self.job.move("Failed", f"InternalServerError: {type(error).__name__}: {error}")
        finally:
            for timer in self.timers:
                timer.cancel()
        return None

    def _attempt(self) -> bool:
        """Train once; returns whether that ended the job."""
        self.attempt += 1
        count = self.job.request["ResourceConfig"].get("InstanceCount", 1)
        # several hosts talk to each other: names that mean this machine
        hosts = ["algo-1"] if count == 1 else [f"127.0.0.{number}" for number in range(1, count + 1)]
        roots = [self.folder / f"attempt-{self.attempt}" / host for host in hosts]
        self.job.move("Downloading")
        for root, host in zip(roots, hosts, strict=True):
            prepare(root, host, hosts, self.job.request, self.s3)
        self.synced = {path: state(path) for path in self._files(roots)}
        # the hosts of SageMaker each have all ports to themselves
        self.port = free_port() if count > 1 else 0
        with self.job.changed:
            if not self.ending:
                self.job.move("Training")
                self.processes = [self._start(root) for root in roots]
                if self.attempt == 1:
                    longest = self.job.request["StoppingCondition"].get("MaxRuntimeInSeconds", 86400)
                    self._after(longest, self.end, "MaxRuntimeExceeded")
        over = Event()
        syncs = Thread(target=self._sync_until, args=(over, roots), daemon=True)
        syncs.start()
        watchers = [
            Thread(target=self._watch, args=(process, root, number), daemon=True)
            for number, (process, root) in enumerate(zip(self.processes, roots, strict=False), 1)
        ]
        for watcher in watchers:
            watcher.start()
        for watcher in watchers:
            watcher.join()
        over.set()
        syncs.join()
        codes = [process.returncode for process in self.processes]
        with self.job.changed:
            self.processes = []
            ending = self.ending
        self._sync(roots, last=True)
        failed = next((number for number, code in enumerate(codes) if code), None)
        if ending == "Interrupted" and (failed is not None or not codes):
            return False
        if ending in ("", "Interrupted"):
            if failed is None:
                self._upload(roots)
                self.job.move("Completed")
            else:
                self.job.move("Failed", algorithm_error(roots[failed], codes[failed]))
        else:
            if any(path for root in roots for path in (root / "model").iterdir()):
                self._upload(roots)
            self.job.move(ending)
        return True

    def _start(self, root: Path) -> subprocess.Popen[bytes]:
        environment = self.environment | self.job.request.get("Environment", {})
        environment |= {"TRAINING_JOB_NAME": self.job.name, "TRAINING_JOB_ARN": self.job.arn, MARK: str(root)}
        if self.port:
            environment["MASTER_PORT"] = str(self.port)
        return subprocess.Popen(
            [*self.train, str(root)],
            cwd=root / "code",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _watch(self, process: subprocess.Popen[bytes], root: Path, number: int) -> None:
        """Wait for the end of one host; where one fails, the others are ended too."""
        pump = Thread(target=self._pump, args=(process, number), daemon=True)
        pump.start()
        code = process.wait()
        sweep(root)  # whatever it left behind: with the first process of a container all end
        pump.join()
        if code:
            with self.job.changed:
                self._terminate()

    def _pump(self, process: subprocess.Popen[bytes], number: int) -> None:
        """Put each line that a host says into its log stream, as it comes."""
        assert process.stdout is not None
        stream = f"{self.job.name}/algo-{number}-{int(self.job.created) + self.attempt}"
        where = {"logGroupName": LOG_GROUP, "logStreamName": stream}
        with suppress(self.logs.exceptions.ResourceAlreadyExistsException):
            self.logs.create_log_group(logGroupName=LOG_GROUP)
        self.logs.create_log_stream(**where)
        rest = b""
        while block := os.read(process.stdout.fileno(), 1 << 16):
            *lines, rest = (rest + block).split(b"\n")
            self._log(where, lines)
        self._log(where, [rest])
        process.stdout.close()

    def _log(self, where: dict[str, str], lines: list[bytes]) -> None:
        now = int(time.time() * 1000)
        texts = [line.decode("utf-8", "replace") for line in lines if line.strip()]
        if texts:
            self.logs.put_log_events(**where, logEvents=[{"timestamp": now, "message": text} for text in texts])
            with self.job.changed:
                self.job.said += texts
                self.job.changed.notify_all()

    def _after(self, seconds: float, act: Callable[..., None], *words: str) -> None:
        timer = Timer(seconds, act, words)
        timer.daemon = True
        timer.start()
        self.timers.append(timer)

    def _terminate(self) -> None:
        """SIGTERM to the first process of each host alone, as the end of a container begins."""
        processes = list(self.processes)
        for process in processes:
            process.terminate()
        if processes:
            for process in processes:
                self._after(self.grace, process.kill)

    def _sync_until(self, over: Event, roots: list[Path]) -> None:
        while not over.wait(SYNC_SECONDS):
            self._sync(roots, last=False)

    def _files(self, roots: list[Path]) -> list[Path]:
        # unlike Path.rglob, os.walk passes over a folder that is removed meanwhile
        found = [walked for root in roots for walked in os.walk(checkpoints(root, self.job.request))]
        return sorted(Path(folder) / name for folder, _, names in found for name in names)

    def _sync(self, roots: list[Path], last: bool) -> None:
        """Make S3 like the checkpoint files of the hosts, in any order: all of it at the end, some of it before.

        A file that a host had on S3 and has no more is deleted there too, as SageMaker does:
        docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
        """
        if "CheckpointConfig" not in self.job.request or (self.lose_checkpoint and not last):
            return
        waiting = [path for path in sorted({*self._files(roots), *self.synced}) if self.synced.get(path) != state(path)]
        self.random.shuffle(waiting)
        if not last:
            waiting = waiting[: self.random.randint(0, len(waiting))]
        elif self.lose_checkpoint and waiting:
            # what was written last is torn: of its files some arrive, and at least one does not
            newest = max(waiting, key=state)
            waiting = [path for path in waiting if path != newest and self.random.random() < 0.5]
        bucket, _, prefix = self.job.request["CheckpointConfig"]["S3Uri"].removeprefix("s3://").partition("/")
        for path in waiting:
            [folder] = {checkpoints(root, self.job.request) for root in roots} & {*path.parents}
            where = {"Bucket": bucket, "Key": f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}"}
            found = state(path)
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                if path in self.synced:
                    self.s3.delete_object(**where)
                    del self.synced[path]
            else:
                self.s3.put_object(**where, Body=content)
                self.synced[path] = found
        with self.job.changed:
            self.job.changed.notify_all()

    def _upload(self, roots: list[Path]) -> None:
        """The model as one archive, of what all hosts left."""
        self.job.move("Uploading")
        bucket, _, key = self.job.artifacts.removeprefix("s3://").partition("/")
        archive = self.folder / "model.tar.gz"
        found = {path.name: path for root in reversed(roots) for path in (root / "model").iterdir()}
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for name, path in sorted(found.items()):
                tar.add(path, name)
        self.s3.upload_file(str(archive), bucket, key)


def state(path: Path) -> tuple[int, int]:
    """When a file was written last, and its size; zeros where it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def environment(endpoint: str, region: str, access_key: str) -> dict[str, str]:
    """Variables of a process that may reach nothing but the emulated AWS."""
    known = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "LANG": "C.UTF-8",
        "OMP_WAIT_POLICY": "PASSIVE",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    return known | {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
