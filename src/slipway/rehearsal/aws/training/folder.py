"""The folder of a job on one emulated machine, in the shape of /opt/ml: what SageMaker puts there and reads there."""

import json
from pathlib import Path
from typing import Any


def prepare(root: Path, host: str, hosts: list[str], request: dict[str, Any], s3: Any) -> None:
    """Fill the folder `root` of the host `host` as the container finds it; `s3` is a client."""
    for name in ("input/config", "input/data", "model", "output/data", "checkpoints", "code"):
        (root / name).mkdir(parents=True, exist_ok=True)
    channels = request.get("InputDataConfig", [])
    for channel in channels:
        download(s3, channel["DataSource"]["S3DataSource"]["S3Uri"], root / "input/data" / channel["ChannelName"])
    if "CheckpointConfig" in request:
        download(s3, request["CheckpointConfig"]["S3Uri"], checkpoints(root, request))
    kind = request["ResourceConfig"].get("InstanceType", "")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": hosts}
    files = {
        "hyperparameters": request.get("HyperParameters", {}),
        "inputdataconfig": {
            channel["ChannelName"]: {
                "TrainingInputMode": "File",
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": "None",
            }
            for channel in channels
        },
        "resourceconfig": {
            "current_host": host,
            "current_instance_type": kind,
            "current_group_name": "homogeneousCluster",
            "hosts": hosts,
            "instance_groups": [group],
            "network_interface_name": "lo" if len(hosts) > 1 else "eth0",
        },
    }
    for name, content in files.items():
        (root / "input/config" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def download(s3: Any, uri: str, target: Path) -> None:
    """All objects under a prefix."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    target.mkdir(parents=True, exist_ok=True)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            key = found["Key"]
            within = key == prefix or prefix.endswith("/") or not prefix or key.startswith(f"{prefix}/")
            # a prefix is no folder: `a/b` takes a/bc too
            start = len(prefix) if within and key != prefix else prefix.rfind("/") + 1
            path = target / key[start:].lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if not key.endswith("/"):
                s3.download_file(bucket, key, str(path))


def checkpoints(root: Path, request: dict[str, Any]) -> Path:
    """Where the checkpoints of the host are."""
    place = request.get("CheckpointConfig", {}).get("LocalPath", "/opt/ml/checkpoints")
    return root / Path(place).relative_to("/opt/ml")


def algorithm_error(root: Path, code: int) -> str:
    """Why a job failed, in SageMaker's words."""
    said = root / "output" / "failure"
    text = said.read_text(encoding="utf-8", errors="replace") if said.is_file() else ""
    status = 128 - code if code < 0 else code  # a container says 137 where a process was killed
    return f"AlgorithmError: {text[:900]}, exit code: {status}"
