"""A function's first answer, in a fresh process: start.py FOLDER MODULE EVENT.json, where the module has a `handler`.

Prints the answer behind a mark, then the most memory that the process held, in kB.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

MARK = "\x1eanswer "


class Context:
    """What of Lambda's context a handler reads."""

    aws_request_id = "7c9b0f2e-1d65-4c3b-9f0a-0d3f6a1b2c3d"
    function_name, function_version, memory_limit_in_mb = "benchmark", "1", 1769
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:benchmark"


def peak_kilobytes() -> int:
    """Of this process alone: it inherits the peak that getrusage tells from the one that started it."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    folder, module, event = sys.argv[1:]
    sys.path.insert(0, folder)
    answer = import_module(module).handler(json.loads(Path(event).read_bytes()), Context())
    print(f"{MARK}{json.dumps(answer)}", flush=True)
    print(peak_kilobytes(), flush=True)
