"""Lambda's functions, really run: the files of an image's layers under AWS's Runtime Interface Emulator.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import base64
import io
import json
import random
import re
import tarfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Lock
from typing import Any

from moto.awslambda.models import lambda_backends

from slipway.rehearsal.aws.call import ACCOUNT, AwsError, Call
from slipway.rehearsal.aws.serving.log import FunctionLog
from slipway.rehearsal.aws.serving.registry import Registry
from slipway.rehearsal.aws.training.worker import environment
from slipway.rehearsal.function.emulator import INVOCATIONS, Emulator
from slipway.rehearsal.sweep import MARK

# what the emulator writes into the log for itself
OWN = re.compile(r"^(?:START|END|REPORT) RequestId: |^\d+ \w+ \d+ [\d:,]+ \[\w+\] \(rapid\) ")
STARTED = re.compile(r"INVOKE START\(requestId: ([0-9a-f-]+)\)")
MOST_WARM = 6  # environments at once
LARGEST = 6 * 1024 * 1024  # of an event, in bytes
GRACE_SECONDS = 10.0  # that a cold start may take besides


@dataclass(frozen=True)
class Answer:
    """What an invocation came to: `error` is Unhandled where the function failed."""

    payload: bytes
    version: str
    error: str = ""
    tail: str = ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Of the response of Invoke."""
        told = [("X-Amz-Executed-Version", self.version)]
        told += [("X-Amz-Function-Error", self.error)] if self.error else []
        return told + ([("X-Amz-Log-Result", self.tail)] if self.tail else [])


@dataclass
class Warm:
    """The one environment of a version, which answers one event at a time."""

    emulator: Emulator
    lock: Lock = field(default_factory=Lock)
    read: int = 0  # bytes of its log
    users: int = 0  # who ask it or wait to; changed by the one thread that starts environments

    def leave(self) -> None:
        """One has been answered."""
        self.users -= 1


class Functions:
    """The functions of one account; `take` gives an access key of a role, `log` hears what they say."""

    def __init__(self, registry: Registry, take: Callable[[str], str], log: FunctionLog, seed: int) -> None:
        self.registry, self.take, self.log = registry, take, log
        self.folder, self.url = Path(), ""
        self.random = random.Random(seed)  # noqa: S311
        self.warm: dict[tuple[str, str, str], Warm] = {}
        self.asked: Counter[tuple[str, str]] = Counter()  # invocations by function and version
        self._starter: ThreadPoolExecutor | None = None

    def open(self, folder: Path, url: str) -> None:
        """Be ready to run functions: their files lie in `folder`, and what they ask of AWS goes to `url`."""
        self.folder, self.url = folder, url
        # a process that is bound to the thread that starts it must not end with a request
        self._starter = ThreadPoolExecutor(1)

    def invoke(self, call: Call, payload: bytes, tail: bool = False) -> Answer:
        """The answer to an event; raises AwsError as Invoke does."""
        name, qualifier = split(call)
        function = self._choose(call.region, name, qualifier)
        version = str(function.version)
        if len(payload) > LARGEST:
            most = f"too large for the RequestResponse invocation type (limit {LARGEST} bytes)"
            why = f"{len(payload)} byte payload is {most}"
            raise AwsError("RequestTooLargeException", why, 413)
        try:
            event = json.loads(payload or b"{}")
        except ValueError as error:
            why = f"Could not parse request body into json: {error}"
            raise AwsError("InvalidRequestContentException", why) from None
        latest = lambda_backends[ACCOUNT][call.region].get_function(name)
        if str(latest.reserved_concurrency) == "0":
            self.log.measure(call.region, name, qualifier, version, Throttles=1)
            raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429)
        self.asked[name, version] += 1
        answer = self._run(call.region, function, event, qualifier)
        return answer if tail else Answer(answer.payload, answer.version, answer.error)

    def _choose(self, region: str, name: str, qualifier: str) -> Any:
        """The version that answers: of an alias with weights one by chance."""
        storage = lambda_backends[ACCOUNT][region]._lambdas
        missing = f"Function not found: arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"
        if name not in storage._functions:
            raise AwsError("ResourceNotFoundException", missing, 404)
        aliases = storage._get_function_aliases(name)
        if qualifier in aliases:
            alias = aliases[qualifier]
            qualifier = alias.function_version
            chance = self.random.random()
            for version, weight in ((alias.routing_config or {}).get("AdditionalVersionWeights") or {}).items():
                if (chance := chance - weight) < 0:
                    qualifier = version
                    break
        found = storage._get_latest(name) if qualifier in ("", "$LATEST") else storage._get_version(name, qualifier)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"{missing}:{qualifier}", 404)
        return found

    def _run(self, region: str, function: Any, event: Any, qualifier: str) -> Answer:
        name, version = function.function_name, str(function.version)
        role, began = function.role.rpartition("/")[2], time.monotonic()
        assert self._starter is not None
        try:
            warm = self._starter.submit(self._warm, region, function).result()
        except InitError as error:
            text = json.dumps({"errorType": error.kind, "errorMessage": str(error)}).encode()
            self.log.write(region, name, version, role, [f"{error.kind}: {error}"])
            self.log.measure(region, name, qualifier, version, Invocations=1, Errors=1)
            return Answer(text, version, "Unhandled")
        try:
            with warm.lock:
                status, body = post(warm.emulator.port, event, function.timeout + GRACE_SECONDS)
                request, lines = read_log(warm, status)
        finally:
            with suppress(RuntimeError):  # the account was closed meanwhile
                self._starter.submit(warm.leave)
        milliseconds = 1000 * (time.monotonic() - began)
        failed = status != 200 or is_error(body)
        if body.startswith(b"Task timed out"):
            why = f"RequestId: {request} Error: Task timed out after {function.timeout:.2f} seconds"
            body, failed = json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": why}).encode(), True
            lines.append(f"{request} Task timed out after {function.timeout:.2f} seconds")
        report = f"REPORT RequestId: {request}\tDuration: {milliseconds:.2f} ms\tMemory Size: {function.memory_size} MB"
        whole = [f"START RequestId: {request} Version: {version}", *lines, f"END RequestId: {request}", report]
        self.log.write(region, name, version, role, whole)
        self.log.measure(
            region, name, qualifier, version, Invocations=1, Errors=int(failed), Throttles=0, Duration=milliseconds
        )
        tail = base64.b64encode("\n".join(whole).encode()[-4096:]).decode()
        return Answer(body, version, "Unhandled" if failed else "", tail)

    def _warm(self, region: str, function: Any) -> Warm:
        """The environment of a version, started where there is none. Raises InitError."""
        key = (region, function.function_name, f"{function.version} {function.code_sha_256} {function.last_modified}")
        found = self.warm.pop(key, None) or self._start(region, function)
        # as Lambda lets go of those that nobody has asked for long
        idle = [each for each, warm in self.warm.items() if not warm.users]
        for each in idle[: max(0, len(self.warm) + 1 - MOST_WARM)]:
            self.warm.pop(each).emulator.__exit__()
        found.users += 1
        self.warm[key] = found
        return found

    def _start(self, region: str, function: Any) -> Warm:
        """An environment of a version. Raises InitError where its image cannot be run."""
        host, _, rest = function.code["ImageUri"].partition("@")[0].partition("/")
        repository = f"{host}/{rest.partition(':')[0]}"
        try:
            _, manifest = self.registry.manifest(f"{repository}@sha256:{function.code_sha_256}")
        except KeyError:
            raise InitError("Runtime.ImageNotFound", "the image is not in the registry any more") from None
        image = json.loads(self.registry.blob(manifest["config"]["digest"]).read_bytes())
        told, code = image.get("config", {}), self._unpack(function.code_sha_256, manifest)
        asked = function.image_config
        words = list(asked.cmd or told.get("Cmd") or [])
        if not words or not code.is_dir():
            raise InitError("Runtime.InvalidEntrypoint", "the image has no files, or no command")
        own = dict(each.partition("=")[::2] for each in told.get("Env", []))
        role = environment(self.url, region, self.take(function.role.rpartition("/")[2]))
        given = {key: value for key, value in role.items() if key.startswith("AWS_") or key == "NO_PROXY"}
        lasting = {
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            MARK: str(self.folder),
        }
        own.pop("LAMBDA_TASK_ROOT", None)
        emulator = Emulator(code / "bundle", words[0], own | function.environment_vars | given | lasting, code=code)
        return Warm(emulator.__enter__())

    def _unpack(self, digest: str, manifest: dict[str, Any]) -> Path:
        """The folder of an image's files that Lambda starts in."""
        folder = self.folder / digest
        if not folder.is_dir():
            for layer in manifest["layers"]:
                content = io.BytesIO(self.registry.blob(layer["digest"]).read_bytes())
                with tarfile.open(fileobj=content, mode="r:gz") as tar:
                    tar.extractall(folder, filter="data")
        return folder / "var/task"

    def close(self) -> None:
        """End all environments."""
        if self._starter is not None:
            self._starter.shutdown()
        while self.warm:
            self.warm.popitem()[1].emulator.__exit__()


class InitError(Exception):
    """A function that cannot be started: `kind` is Lambda's name of the reason."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def split(call: Call) -> tuple[str, str]:
    """Name and qualifier of an invocation, by name, NAME:QUALIFIER or ARN."""
    told = call.body["FunctionName"].rpartition(":function:")[2]
    name, _, qualifier = told.partition(":")
    return name, str(call.body.get("Qualifier") or qualifier)


def post(port: int, event: Any, seconds: float) -> tuple[int, bytes]:
    """Status and body of the emulator's answer; that of a process that ends while it starts is empty."""
    connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
    with suppress(OSError):
        try:
            connection.request("POST", INVOCATIONS, json.dumps(event).encode())
            response = connection.getresponse()
            status, body = response.status, response.read()
            if body:
                return status, body
        finally:
            connection.close()
    return 502, json.dumps({"errorType": "Runtime.ExitError", "errorMessage": "Error: Runtime exited"}).encode()


def is_error(body: bytes) -> bool:
    """Whether an answer is what the runtime tells of an exception: the emulator answers 200 for one."""
    with suppress(ValueError):
        told = json.loads(body)
        return isinstance(told, dict) and {"errorMessage", "errorType", "requestId", "stackTrace"} <= told.keys()
    return False


def read_log(warm: Warm, status: int) -> tuple[str, list[str]]:
    """The identity of the invocation that has ended, and what the function has said since the one before."""
    until = time.monotonic() + 2
    while True:
        text = warm.emulator.log[warm.read :]
        # the emulator's last word of an invocation; one that ends by itself has none
        if "\nREPORT RequestId: " in text or status != 200 or time.monotonic() > until:
            break
        time.sleep(0.002)
    warm.read += len(text)
    found = STARTED.search(text)
    return (found[1] if found else ""), [line for line in text.splitlines() if line.strip() and not OWN.search(line)]
