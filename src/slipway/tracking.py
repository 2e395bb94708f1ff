"""Records runs in MLflow. The only module that imports it; an outage is told once, and never fails or delays a job."""

import json
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from slipway.config.tracking import TrackingConfig, without_password

JOB = "slipway.job"
CHAMPION = "champion"
NAME = re.compile(r"\w+")
Metrics = Mapping[str, float]
# what one call may carry: https://mlflow.org/docs/latest/rest-api.html (log-batch: 1000 metrics, 100 parameters)
MOST_METRICS = 1000
MOST_PARAMETERS = 100
AGAIN_SECONDS = 2.0  # until a server that refused is asked again
# differs each time that the same epoch is trained
OF_THE_CLOCK = {"seconds", "tokens_per_second"}
LATER = "The stage goes on; `dvc repro -f -s gate` records later what is missing then."
LAST_SECONDS = 1.0  # that the end of a job waits for a server


@contextmanager
def live(config: TrackingConfig, job: str, parameters: Mapping[str, Any]) -> Iterator[Callable[[int, Metrics], None]]:
    """Start (or go on with) the run of `job`, and yield a function that logs the metrics of one epoch.

    `parameters` is the resolved configuration; nested keys are joined by dots. A thread talks to the server, so that
    training never waits for it: what it does not take is sent again until the block ends, and by `record` later. No
    epoch is logged twice, but one that was trained again and came out otherwise: its last values are the model's.
    """
    if config.uri is None:
        yield lambda step, metrics: None
        return
    sender = _Sender(config, job, parameters)
    sender.start()
    status = "FAILED"
    try:
        yield sender.log
        status = "FINISHED"
    finally:
        sender.finish(status)


def record(
    config: TrackingConfig,
    job: str,
    parameters: Mapping[str, Any],
    history: Sequence[Metrics],
    metrics: Metrics,
    tags: Mapping[str, str],
    files: Sequence[Path],
    bundle: Path,
) -> str | None:
    """Complete the run of `job`: epochs it lacks, test `metrics`, `files` as artifacts, the model and its version.

    Does nothing twice: a run that has this bundle's version already keeps it. Returns the version's name
    (`models:/NAME/VERSION`), or None where nothing is tracked or the server does not answer.
    """
    if config.uri is None:
        return None
    tracker = _Tracker(config)
    try:
        run = tracker.start(job, parameters, system_metrics=False)
        now = _now()
        for epoch in history:
            if not tracker.holds(int(epoch["epoch"]), epoch):
                tracker.log(int(epoch["epoch"]), epoch, now)
        changed = {key: value for key, value in metrics.items() if tracker.known().get(key) != value}
        tracker.log(len(history), changed, now)
        for path in files:
            tracker.client.log_artifact(run, str(path))
        name = tracker.register(run, bundle, {JOB: job, "git_commit": git_commit(), **tags})
        tracker.end("FINISHED")
    except Exception as error:  # an outage has many faces: HTTP, SQL, DNS, disk
        _tell(config, "the run could not be recorded", error)
        return None
    return name


def promote(config: TrackingConfig, bundle: str) -> str | None:
    """Let the alias `champion` name the version with the bundle of this digest; returns it (`models:/NAME/VERSION`).

    None where nothing is tracked, the server does not answer, or it keeps no such version. A file is not made for it.
    """
    if config.uri is None or not _may_be_there(config.uri):
        return None
    _hurry()
    try:
        import mlflow

        client, name = mlflow.MlflowClient(absolute_uri(config.uri)), config.registered_model
        found = [each for each in client.search_model_versions(f"name = '{name}'") if each.tags.get("bundle") == bundle]
        if not found:
            return None
        version = max(found, key=lambda each: int(each.version)).version
        client.set_registered_model_alias(name, CHAMPION, version)
    except Exception as error:  # an outage has many faces: HTTP, SQL, DNS, disk
        _tell(config, f"the alias {CHAMPION} could not be moved", error, "The release is good.")
        return None
    return f"models:/{name}/{version}"


def git_commit() -> str:
    """The commit that is checked out, with `+` where the tree differs from it; empty outside git.

    A job elsewhere, which has no checkout, is told by SLIPWAY_GIT_COMMIT.
    """
    if told := os.environ.get("SLIPWAY_GIT_COMMIT"):
        return told
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:  # the training image has no git
        return ""


def _hurry() -> None:
    """Let no call to a server wait for long: nobody is to be kept by an outage."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")


def _may_be_there(uri: str) -> bool:
    """Whether there is a file, where a file is named: of a server only asking tells."""
    scheme, _, path = absolute_uri(uri).partition(":///")
    return scheme != "sqlite" or Path(path).exists()


def _now() -> int:
    return int(time.time() * 1000)


def _tell(config: TrackingConfig, what: str, error: Exception, later: str = LATER) -> None:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    print(without_password(f"warning: tracking: {what} at {config.uri}: {reason}. {later}"), file=sys.stderr)


class _Sender(threading.Thread):
    """Brings the epochs of a run to the server, in their order, as soon as it takes them."""

    def __init__(self, config: TrackingConfig, job: str, parameters: Mapping[str, Any]) -> None:
        # a daemon: a server that never answers must not keep the process alive
        super().__init__(name="mlflow", daemon=True)
        self.config, self.job, self.parameters = config, job, parameters
        self.waiting: SimpleQueue[tuple[int, Metrics, int] | None] = SimpleQueue()
        self.over = threading.Event()
        self.status = "RUNNING"

    def log(self, step: int, metrics: Metrics) -> None:
        """Hand over the metrics of one epoch; returns at once."""
        self.waiting.put((step, dict(metrics), _now()))

    def finish(self, status: str) -> None:
        """Hand over how the run ended. Waits for a database of this machine, and for a server a second at most."""
        self.status = status
        self.over.set()
        self.waiting.put(None)
        self.join(None if (self.config.uri or "").startswith("sqlite:") else LAST_SECONDS)

    def run(self) -> None:
        """Send until all is taken; after the end, what a server still refuses is left to `record`."""
        tracker, told = _Tracker(self.config), False
        unsent: list[tuple[int, Metrics, int] | None] = []
        while True:
            last = self.over.is_set()
            try:
                if tracker.run is None:
                    tracker.start(self.job, self.parameters)
                while True:
                    unsent = unsent or [self.waiting.get()]
                    if unsent[0] is None:
                        tracker.end(self.status)
                        return
                    step, metrics, now = unsent[0]
                    if not tracker.holds(step, metrics):
                        tracker.log(step, metrics, now)
                    unsent = []
            except Exception as error:  # an outage has many faces: HTTP, SQL, DNS, disk
                if not told:
                    _tell(self.config, f"the run could not be {'started' if tracker.run is None else 'logged'}", error)
                told = True
                if last:
                    return
                self.over.wait(AGAIN_SECONDS)


class _Tracker:
    """One MLflow run; what it raises is MLflow's."""

    def __init__(self, config: TrackingConfig) -> None:
        self.config = config
        self.run: str | None = None
        # the last value of each metric at each step, as far as somebody asked
        self.points: dict[str, dict[int, float]] = {}

    def start(self, job: str, parameters: Mapping[str, Any], system_metrics: bool = True) -> str:
        """Start or go on with the run of a job, and log the parameters that it lacks; returns its id."""
        _hurry()
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "5")
        import logging

        import mlflow
        from mlflow.entities import Param

        # its own set-up, which happens at import, lets every step of a migration and a registration speak
        for name in ("alembic", "mlflow"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # each call to a server without a Databricks account, and what `tolerating` tells of an outage
        for name in ("tracking.request_header.registry", "system_metrics.system_metrics_monitor"):
            logging.getLogger(f"mlflow.{name}").setLevel(logging.CRITICAL)

        uri = absolute_uri(self.config.uri or "")
        mlflow.set_tracking_uri(uri)
        self.client = mlflow.MlflowClient()
        if uri.startswith("sqlite:///") and self.client.get_experiment_by_name(self.config.experiment) is None:
            # beside the database; MLflow's default is the current folder, which may be a temporary copy
            beside = Path(uri.removeprefix("sqlite:///")).with_name("mlruns").as_uri()
            self.client.create_experiment(self.config.experiment, artifact_location=beside)
        experiment = mlflow.set_experiment(self.config.experiment)
        found = self.client.search_runs([experiment.experiment_id], f"tags.`{JOB}` = '{job}'", max_results=1)
        active = mlflow.start_run(
            run_id=found[0].info.run_id if found else None,
            run_name=job,
            tags={JOB: job, "git_commit": git_commit()},
            log_system_metrics=system_metrics and self.config.system_metrics,
        )
        run = str(active.info.run_id)
        logged = found[0].data.params if found else {}
        pairs = [Param(key, str(value)[:6000]) for key, value in _flat(parameters) if key not in logged]
        try:
            for begin in range(0, len(pairs), MOST_PARAMETERS):
                self.client.log_batch(run, params=pairs[begin : begin + MOST_PARAMETERS])
        except Exception:
            # MLflow starts no run where one is open
            with suppress(Exception):
                mlflow.end_run("FAILED")
            raise
        self.run = run
        return run

    def known(self) -> Metrics:
        """The last value of each metric."""
        return dict(self.client.get_run(self.run).data.metrics)

    def holds(self, step: int, metrics: Metrics) -> bool:
        """Whether an epoch is logged, with these values: one that is trained again may differ on a GPU."""
        for key in metrics.keys() - OF_THE_CLOCK:
            if key not in self.points:
                found = sorted(self.client.get_metric_history(self.run, key), key=lambda point: point.timestamp)
                self.points[key] = {point.step: point.value for point in found}
            if not math.isclose(self.points[key].get(step, math.nan), metrics[key], rel_tol=1e-9):
                return False
        return True

    def log(self, step: int, metrics: Metrics, now: int) -> None:
        """One batch: metrics at `step`, which were measured at `now` (milliseconds since 1970)."""
        from mlflow.entities import Metric

        batch = [Metric(key, float(value), now, step) for key, value in metrics.items()]
        if batch:
            self.client.log_batch(self.run, metrics=batch[:MOST_METRICS])

    def register(self, run: str, bundle: Path, tags: Mapping[str, str]) -> str:
        """Log the ONNX model with an explicit signature, and make it a version of the registered model."""
        import mlflow
        import numpy as np
        import onnx
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        name = self.config.registered_model
        digest = tags["bundle"]
        for version in self.client.search_model_versions(f"name = '{name}'"):
            if version.tags.get("bundle") == digest and version.run_id == run:
                for key, value in tags.items():  # the verdict may be another: a new champion, another budget
                    self.client.set_model_version_tag(name, version.version, key, value)
                return f"models:/{name}/{version.version}"
        self.client.log_artifacts(run, str(bundle), "bundle")
        inputs = Schema([TensorSpec(np.dtype(np.int64), (-1, -1), key) for key in ("input_ids", "attention_mask")])
        outputs = Schema([TensorSpec(np.dtype(np.float32), (-1, -1), "logits")])
        logged = mlflow.onnx.log_model(
            onnx.load(str(bundle / "model.onnx")),
            name="model",
            signature=ModelSignature(inputs, outputs),
            pip_requirements=["onnxruntime", "tokenizers", "numpy"],
            save_as_external_data=True,
        )
        if not self.client.search_registered_models(f"name = '{name}'"):
            self.client.create_registered_model(name)
        version = self.client.create_model_version(
            name, logged.model_uri, run_id=run, tags=dict(tags), model_id=logged.model_id
        )
        return f"models:/{name}/{version.version}"

    def end(self, status: str) -> None:
        """Say how the run ended."""
        import mlflow

        mlflow.end_run(status)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and not all(map(NAME.fullmatch, value)):
            # keys that users choose, labels say, may hold what MLflow allows in no name
            yield f"{prefix}{key}", json.dumps(value, ensure_ascii=False)
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def absolute_uri(uri: str) -> str:
    """A relative sqlite file belongs to the real project: an experiment in a temporary copy records there too."""
    scheme, _, path = uri.partition(":///")
    if scheme != "sqlite" or Path(path).is_absolute():
        return uri
    return f"sqlite:///{Path(os.environ.get('DVC_ROOT', '.')).resolve() / path}"
