"""What each of several processes trains for test_distributed.py, which starts it under torchrun."""

import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from slipway.data.prepared import load_split
from slipway.training.distributed import world
from slipway.training.launch import die_with_parent
from slipway.training.loop import Stopped

sys.path.insert(0, str(Path(__file__).parent))
from test_loop import Setting, subset

CHANCE = {"kind": "encoder", "epochs": 3, "patience": None}


def run(setting: Setting, folder: str, case: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What came of a case: the hash of the weights, and the history."""
    values = {**case, **more, "folder": folder}
    if rows := values.pop("rows", None):
        values["rows"] = subset(load_split(setting.prepared, "train"), np.arange(rows))
    trained = setting.train(**values)
    tensors = trained.model.state_dict().values()
    weights = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in tensors)).hexdigest()
    return {"weights": weights, "history": [asdict(epoch) for epoch in trained.history]}


def main(cases: str, prepared: str, folder: str, results: str) -> None:
    """Train each case, and one with dropout twice: as a whole, and stopped on the way."""
    die_with_parent()
    with world() as processes:
        setting = Setting(Path(prepared), Path(folder), processes)
        found: dict[str, Any] = {name: run(setting, name, case) for name, case in json.loads(cases).items()}
        found["whole"] = run(setting, "whole", CHANCE)
        found["stops"] = []
        for last in (5, 9):
            try:
                run(setting, "stopped", CHANCE, stop_after=last)
            except Stopped as stopped:
                found["stops"].append(stopped.step)
        found["resumed"] = run(setting, "stopped", CHANCE)
    tasks = Path("/proc/self/task").glob("*/comm")
    found["threads"] = [path.read_text().strip() for path in tasks]
    Path(results, f"{processes.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
