"""Records runs in MLflow. The only module that imports it; an outage is told once and never fails a stage."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slipway.config.tracking import TrackingConfig, without_password

JOB = "slipway.job"
NAME = re.compile(r"\w+")
Metrics = Mapping[str, float]
# what one call may carry: https://mlflow.org/docs/latest/rest-api.html (log-batch: 1000 metrics, 100 parameters)
MOST_METRICS = 1000
MOST_PARAMETERS = 100


@contextmanager
def live(config: TrackingConfig, job: str, parameters: Mapping[str, Any]) -> Iterator[Callable[[int, Metrics], None]]:
    """Start (or go on with) the run of `job`, and yield a function that logs the metrics of one epoch.

    `parameters` is the resolved configuration; nested keys are joined by dots.
    """
    tracker = _Tracker(config)
    with tracker.tolerating("the run could not be started"):
        tracker.start(job, parameters)
    try:
        yield tracker.log
    except BaseException:
        tracker.end("FAILED")
        raise
    tracker.end("FINISHED")


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
    tracker = _Tracker(config)
    with tracker.tolerating("the run could not be recorded"):
        run = tracker.start(job, parameters, system_metrics=False)
        if run is None:
            return None
        logged = {int(point.value) for point in tracker.client.get_metric_history(run, "epoch")}
        for epoch in history:
            if int(epoch["epoch"]) not in logged:
                tracker.log(int(epoch["epoch"]), epoch)
        changed = {key: value for key, value in metrics.items() if tracker.known(run).get(key) != value}
        tracker.log(len(history), changed)
        for path in files:
            tracker.client.log_artifact(run, str(path))
        name = tracker.register(run, bundle, {JOB: job, "git_commit": git_commit(), **tags})
        tracker.end("FINISHED")
        return name
    return None


def git_commit() -> str:
    """The commit that is checked out, with `+` where the tree differs from it; empty outside git."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


class _Tracker:
    """One MLflow run and what is known of the server's health."""

    def __init__(self, config: TrackingConfig) -> None:
        self.config = config
        self.run: str | None = None
        self.silent = config.uri is None

    @contextmanager
    def tolerating(self, what: str) -> Iterator[None]:
        """Let nothing that MLflow raises reach the caller; after the first time, stay silent."""
        try:
            yield
        except Exception as error:  # an outage has many faces: HTTP, SQL, DNS, disk
            self.run, self.silent = None, True
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            later = "The stage goes on; `dvc repro -f -s gate` records it later."
            told = f"warning: tracking: {what} at {self.config.uri}: {reason}. {later}"
            print(without_password(told), file=sys.stderr)

    def start(self, job: str, parameters: Mapping[str, Any], system_metrics: bool = True) -> str | None:
        if self.silent:
            return None
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
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
        self.run = str(active.info.run_id)
        logged = found[0].data.params if found else {}
        pairs = [Param(key, str(value)[:6000]) for key, value in _flat(parameters) if key not in logged]
        for begin in range(0, len(pairs), MOST_PARAMETERS):
            self.client.log_batch(self.run, params=pairs[begin : begin + MOST_PARAMETERS])
        return self.run

    def known(self, run: str) -> Metrics:
        """The last value of each metric of a run."""
        return dict(self.client.get_run(run).data.metrics)

    def log(self, step: int, metrics: Metrics) -> None:
        """One batch: metrics at `step`."""
        if self.run is None or not metrics:
            return
        with self.tolerating("metrics could not be logged"):
            import time

            from mlflow.entities import Metric

            now = int(time.time() * 1000)
            batch = [Metric(key, float(value), now, step) for key, value in metrics.items()]
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
        if self.run is None:
            return
        with self.tolerating("the run could not be ended"):
            import mlflow

            mlflow.end_run(status)
            self.run = None


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
