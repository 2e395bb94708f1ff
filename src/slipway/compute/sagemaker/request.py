"""The request that starts a training job, as sagemaker.core's TrainingJob.create takes it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from slipway.compute.folder import PROJECT, job_name
from slipway.config.compute import SageMakerCompute
from slipway.config.tracking import USERINFO, is_told_elsewhere
from slipway.errors import UserError
from slipway.training.layout import MOST, Job, to_text

RETRIES = 3  # where SageMaker itself fails
# families whose machines have a disk of their own, which is encrypted and takes no key
OWN_DISK = re.compile(r"(p[4-9]|g[5-9]|gr\d|trn)|[a-z]+\d[a-z]*d")


def output_uri(compute: SageMakerCompute) -> str:
    """Where SageMaker puts results; it adds JOB/output/model.tar.gz."""
    return f"s3://{compute.bucket}/{PROJECT}/jobs"


def checkpoint_uri(compute: SageMakerCompute, hash: str) -> str:
    """The checkpoints of all attempts at one job."""
    return f"s3://{compute.bucket}/{PROJECT}/checkpoints/{hash}/"


def device_of(instance_type: str) -> str:
    """Which training image fits an instance type: `gpu` where its machines have NVIDIA's, else `cpu`."""
    return "gpu" if instance_type.startswith(("ml.g", "ml.p")) else "cpu"


def training_request(
    compute: SageMakerCompute,
    job: Job,
    attempt: int,
    instance_type: str,
    image: str,
    channels: Mapping[str, str],
    tracking_uri: str | None,
    seconds: int,
    commit: str,
) -> dict[str, Any]:
    """One attempt at `job` on `instance_type` for at most `seconds`; `channels` are S3 prefixes by name.

    Raises UserError where the job is too long a text for a hyperparameter, or an address holds a password.
    """
    told = to_text(job)
    if len(told) > MOST:
        raise UserError(f"the sections model and train are {len(told)} characters, packed; SageMaker takes {MOST}.")
    kept_here = not tracking_uri or not is_told_elsewhere(tracking_uri) or compute.network_isolation
    if not kept_here and (USERINFO.search(str(tracking_uri)) or urlsplit(tracking_uri).query):
        raise UserError(
            "tracking.uri may hold a password, and everybody who may look at the job would see it: use SageMaker's "
            "managed MLflow or a server that the job's role can reach without one, or tracking=off."
        )
    kms_key = compute.kms_key
    resources = {
        "instance_type": instance_type,
        "instance_count": compute.instance_count,
        "volume_size_in_gb": compute.volume_gb,
    }
    if kms_key and not OWN_DISK.match(instance_type.split(".")[1]):
        resources["volume_kms_key_id"] = kms_key
    if compute.warm_pool_minutes:
        resources["keep_alive_period_in_seconds"] = 60 * compute.warm_pool_minutes
    stopping = {"max_runtime_in_seconds": seconds}
    if compute.spot:
        stopping["max_wait_time_in_seconds"] = seconds + int(3600 * compute.max_wait_hours)
    # a file is of this machine, and a job without a network reaches no server: what is missed is told on collection
    live = {} if kept_here else {"MLFLOW_TRACKING_URI": tracking_uri}
    tags = {**compute.tags, "project": PROJECT, "job": job.hash, "git-commit": commit}
    request: dict[str, Any] = {
        "training_job_name": job_name(job.hash, attempt),
        "role_arn": compute.role,
        "algorithm_specification": {"training_image": image, "training_input_mode": "File"},
        "hyper_parameters": {"job": told},
        # the image runs no other code than this, whoever may write to the bucket
        "environment": {
            "SLIPWAY_GIT_COMMIT": commit,
            "SLIPWAY_CODE_SHA256": digest_of(channels["code"]),
            **live,
        },
        "input_data_config": [channel(name, uri) for name, uri in sorted(channels.items())],
        "output_data_config": {"s3_output_path": output_uri(compute)} | ({"kms_key_id": kms_key} if kms_key else {}),
        "checkpoint_config": {"s3_uri": checkpoint_uri(compute, job.hash), "local_path": "/opt/ml/checkpoints"},
        "resource_config": resources,
        "stopping_condition": stopping,
        "enable_managed_spot_training": compute.spot,
        "enable_network_isolation": compute.network_isolation,
        "enable_inter_container_traffic_encryption": compute.encrypt_between_machines,
        "retry_strategy": {"maximum_retry_attempts": RETRIES},
        "tags": [{"key": key, "value": str(value)} for key, value in tags.items() if value],
    }
    if compute.subnets:
        request["vpc_config"] = {
            "subnets": list(compute.subnets),
            "security_group_ids": list(compute.security_groups),
        }
    return request


def digest_of(prefix: str) -> str:
    """The hash under which an input lies."""
    return prefix.rstrip("/").rpartition("/")[2]


def channel(name: str, uri: str) -> dict[str, Any]:
    """One input, copied whole to every machine before the job begins."""
    source = {"s3_data_type": "S3Prefix", "s3_uri": uri, "s3_data_distribution_type": "FullyReplicated"}
    return {"channel_name": name, "data_source": {"s3_data_source": source}}
