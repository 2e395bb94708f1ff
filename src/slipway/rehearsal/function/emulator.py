"""The function under AWS's Runtime Interface Emulator, without docker.

with Emulator(Path("models/bundle")) as function:
    function.invoke({"texts": ["my card has not arrived"]})
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

import psutil

from slipway.compute.folder import PROJECT
from slipway.errors import UserError
from slipway.rehearsal.function.rie import emulator

LAMBDA = Path(__file__).resolve().parents[4] / "lambda"
INVOCATIONS = "/2015-03-31/functions/function/invocations"
TRIES = 5  # another process may take a port that was free
SECONDS = 60.0
# ends with this process, whatever ends it: https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
BIND = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execv(sys.argv[1], sys.argv[1:])"
BOUND = (sys.executable, "-I", "-S", "-c", BIND)
# what the emulator, not the function, writes into the log
OWN = re.compile(r"^(START|END|REPORT) RequestId: |\(rapid\) ")
# what lambda/Dockerfile sets
IMAGE = {"OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1"}
ENDED = "Runtime exited"  # the emulator's word for a process that left none of its own


class Emulator:
    """The function without docker, as long as the block lasts; it starts at the first invocation, as in Lambda.

    Its environment is Lambda's own and `environment`, nothing of the caller's. `code` is the folder that it runs in,
    `python` the interpreter, `wrap` the words of a command to run it under, and `show` puts its log on the terminal.
    """

    def __init__(
        self, bundle: Path, handler: str = "app.handler", environment: Mapping[str, str] | None = None, *,
        code: Path = LAMBDA, python: str = sys.executable, wrap: Sequence[str] = (), show: bool = False,
    ) -> None:  # fmt: skip
        self.environment = lambda_environment(bundle, code) | dict(environment or {})
        self.command = [*wrap, python, "-m", "awslambdaric", handler]
        self.code, self.show = code, show

    def __enter__(self) -> Self:
        rie = str(emulator())
        for _ in range(TRIES):
            self.port, api = free_ports(2)
            addresses = {"--runtime-interface-emulator-address": self.port, "--runtime-api-address": api}
            words = [word for name, port in addresses.items() for word in (name, f"127.0.0.1:{port}")]
            self._log = TemporaryFile()
            self.process = subprocess.Popen(
                [*BOUND, rie, *words, *self.command],
                cwd=self.code,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=None if self.show else self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for who started it
            )
            try:
                if self._listens({self.port, api}):
                    return self
            except BaseException:
                self.__exit__()
                raise
            said = self.log
            self.__exit__()
        raise UserError(f"the Runtime Interface Emulator does not start:\n{said}")

    def __exit__(self, *_: object) -> None:
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self.process.pid).children(recursive=True)
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        self.process.kill()
        self.process.wait()
        self._log.close()

    @property
    def url(self) -> str:
        """Where events are posted."""
        return f"http://127.0.0.1:{self.port}{INVOCATIONS}"

    @property
    def log(self) -> str:
        """What the function and the emulator have said so far."""
        size = os.fstat(self._log.fileno()).st_size
        # not by its position, which is the processes' too
        return os.pread(self._log.fileno(), size, 0).decode("utf-8", "replace")

    def invoke(self, event: Any, seconds: float = SECONDS) -> dict[str, Any]:
        """The answer to an event. Raises UserError, with the function's last words, where it does not start or ends."""
        try:
            return invoke(self.port, event, seconds)
        except UserError as error:
            if ENDED not in str(error):
                raise
            said = [line for line in self.log.splitlines() if line and not OWN.search(line)]
            raise UserError("\n".join([str(error), *said[-3:]])) from error

    def _listens(self, ports: set[int]) -> bool:
        """Wait until the emulator has these ports; false where it ended, as it does where another has one."""
        process = psutil.Process(self.process.pid)
        while self.process.poll() is None:
            with suppress(psutil.Error):
                found = process.net_connections("tcp4")
                if ports <= {each.laddr.port for each in found if each.status == psutil.CONN_LISTEN}:
                    return True
            time.sleep(0.005)
        return False


def lambda_environment(bundle: Path, code: Path) -> dict[str, str]:
    """What Lambda and the image set: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": PROJECT,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",  # one core
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": str(code),
        "SLIPWAY_BUNDLE": str(bundle.resolve()),
    } | IMAGE


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has at the moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def invoke(port: int, event: Any, seconds: float = SECONDS) -> dict[str, Any]:
    """Post an event to an emulator on loopback. Raises UserError where no function answered it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("POST", INVOCATIONS, json.dumps(event).encode())
        response = connection.getresponse()
        status, body = response.status, response.read()
    except TimeoutError as error:
        raise UserError(f"the function did not answer within {seconds:g} seconds") from error
    except (OSError, HTTPException) as error:
        raise UserError(f"the Runtime Interface Emulator does not answer ({error or type(error).__name__})") from error
    finally:
        connection.close()
    answer: dict[str, Any] = json.loads(body or "{}")
    # the emulator answers 200, and nothing, for a process that ends while it starts
    if status != 200 or not body:
        raise UserError(f"the function did not start, or ended: {answer.get('errorMessage', ENDED)}")
    return answer
