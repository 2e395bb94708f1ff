"""A function in a fresh process: start.py FOLDER MODULE EVENTS.json, where the module has a `handler`.

Prints, each behind a mark, the first answer, and what there is to say once all events are answered.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path

ANSWER, FIGURES = "\x1eanswer ", "\x1efigures "


class Context:
    """What of Lambda's context a handler reads."""

    aws_request_id = "7c9b0f2e-1d65-4c3b-9f0a-0d3f6a1b2c3d"
    function_name, function_version, memory_limit_in_mb = "benchmark", "1", 1769
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:benchmark"


def megabytes(kind: str) -> float:
    """Of this process alone, VmRSS or its peak VmHWM: what getrusage tells is inherited from who started it."""
    return int(Path("/proc/self/status").read_text().split(f"{kind}:")[1].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    folder, module, path = sys.argv[1:]
    first, *others = json.loads(Path(path).read_bytes())
    sys.path.insert(0, folder)
    handler = import_module(module).handler
    answer = handler(first, Context())
    print(f"{ANSWER}{json.dumps(answer)}", flush=True)
    peak, milliseconds = megabytes("VmHWM"), []
    for event in others:
        began = time.perf_counter()
        handler(event, Context())
        milliseconds.append(1000 * (time.perf_counter() - began))
    figures = {"peak_megabytes": peak, "resident_megabytes": megabytes("VmRSS"), "milliseconds": milliseconds}
    print(f"{FIGURES}{json.dumps(figures)}", flush=True)
