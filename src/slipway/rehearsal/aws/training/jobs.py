"""A training job as SageMaker shows it: the request, and what became of it."""

import math
import time
from collections.abc import Callable
from threading import Condition
from typing import Any

from slipway.rehearsal.aws.call import ACCOUNT

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Interrupted": "Training job interrupted",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    "Failed": "Training job failed",
}
# the statuses that end a job, by the secondary status that it ends with
ENDS = {
    "Completed": "Completed",
    "Failed": "Failed",
    "Stopped": "Stopped",
    "MaxRuntimeExceeded": "Stopped",
    "MaxWaitTimeExceeded": "Stopped",
}
SHOWN = (
    *("TrainingJobName", "HyperParameters", "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig"),
    *("ResourceConfig", "VpcConfig", "StoppingCondition", "CheckpointConfig", "Environment", "RetryStrategy"),
)
SWITCHES = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")
SPOT_PRICE = 0.3  # of the time that is billed on demand


class TrainingJob:
    """One job; `changed` is held while it is read or changed, and told of each change. So is `heard`, by the job."""

    def __init__(
        self, request: dict[str, Any], region: str, changed: Condition, heard: Callable[["TrainingJob"], None]
    ) -> None:
        self.request, self.region, self.changed = request, region, changed
        self.heard = heard
        self.name: str = request["TrainingJobName"]
        self.arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:training-job/{self.name}"
        self.tags: list[dict[str, str]] = list(request.get("Tags", []))
        self.spot: bool = request.get("EnableManagedSpotTraining", False)
        self.created = self.modified = time.time()
        self.began: float | None = None
        self.ended: float | None = None
        self.failure = ""
        self.said: list[str] = []  # the lines of its log
        self.transitions: list[dict[str, Any]] = []
        self.move("Starting")

    @property
    def secondary(self) -> str:
        """The last secondary status."""
        return str(self.transitions[-1]["Status"])

    @property
    def status(self) -> str:
        """InProgress, Stopping, or the status that it ended with."""
        return ENDS.get(self.secondary, "Stopping" if self.reached("Stopping") else "InProgress")

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.secondary in ENDS

    @property
    def artifacts(self) -> str:
        """Where the model is put."""
        return f"{self.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output/model.tar.gz"

    def reached(self, status: str) -> int:
        """How often it reached a status or secondary status."""
        return sum(status in (step["Status"], ENDS.get(step["Status"])) for step in self.transitions)

    def move(self, secondary: str, failure: str = "") -> None:
        """Take the next secondary status."""
        with self.changed:
            now = time.time()
            if self.transitions:
                self.transitions[-1]["EndTime"] = now
            if secondary == "Downloading" and self.began is None:
                self.began = now
            self.transitions.append(
                {"Status": secondary, "StartTime": now, "StatusMessage": failure or MESSAGES[secondary]}
            )
            self.modified, self.failure = now, failure
            if secondary in ENDS:
                self.transitions[-1]["EndTime"] = self.ended = now
            self.heard(self)
            self.changed.notify_all()

    def summary(self) -> dict[str, Any]:
        """What ListTrainingJobs shows."""
        shown: dict[str, Any] = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary,
        }
        if self.ended is not None:
            shown["TrainingEndTime"] = self.ended
        return shown

    def describe(self) -> dict[str, Any]:
        """What DescribeTrainingJob shows."""
        shown = self.summary()
        shown |= {key: self.request[key] for key in SHOWN if key in self.request}
        shown |= {key: self.request.get(key, False) for key in SWITCHES}
        shown["ModelArtifacts"] = {"S3ModelArtifacts": self.artifacts}
        shown["SecondaryStatusTransitions"] = [dict(step) for step in self.transitions]
        if self.failure:
            shown["FailureReason"] = self.failure[:1024]
        if self.began is not None:
            shown["TrainingStartTime"] = self.began
            if self.ended is not None:
                seconds = math.ceil(self.ended - self.began) + 1
                shown["TrainingTimeInSeconds"] = seconds
                shown["BillableTimeInSeconds"] = math.ceil(seconds * SPOT_PRICE) if self.spot else seconds
                if kept := self.request["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
                    # nobody takes the machines over
                    waited = min(time.time() - self.ended, kept)
                    shown["WarmPoolStatus"] = {
                        "Status": "Available" if waited < kept else "Terminated",
                        "ResourceRetainedBillableTimeInSeconds": math.ceil(waited),
                    }
        return shown

    def event(self) -> dict[str, Any]:
        """What EventBridge hears of it: times are in milliseconds."""
        return {
            key: round(1000 * value) if key.endswith("Time") and isinstance(value, float) else value
            for key, value in self.describe().items()
        }
