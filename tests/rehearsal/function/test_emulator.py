"""The function runs under AWS's Runtime Interface Emulator as in Lambda, and leaves nothing behind."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import psutil
import pytest

from slipway.errors import UserError
from slipway.predictor import Predictor
from slipway.rehearsal.function.emulator import LAMBDA, Emulator, free_ports, invoke

TEXTS = ["my card has not arrived", "where can I see the exchange rate?"]
ALLOWED = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}  # set by the emulator, and empty
# Lambda's user has no rights; this one reads what it likes, as Python itself may lie in root's own folders
UNPRIVILEGED = [
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]
# records what the function opens to write and whom it connects to, and answers with it
WATCHED = """
import os, sys

SEEN = []


def watch(name, words):
    if name == "open" and (words[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        SEEN.append(["open", str(words[0])])
    elif name.startswith("socket.") and name not in ("socket.__new__", "socket.gethostname"):
        SEEN.append([name, repr(words[1:])])
    elif name in ("os.mkdir", "os.rename", "os.remove", "os.symlink", "subprocess.Popen", "os.exec", "os.fork"):
        SEEN.append([name, str(words[0])])


sys.addaudithook(watch)
import app


def handler(event, context):
    return {"answer": app.handler(event, context), "seen": SEEN}
"""
TRIES_TO_WRITE = """
import os
import app


def attempt(path):
    try:
        open(path, "w").close()
    except OSError as error:
        return type(error).__name__
    os.remove(path)
    return "written"


def handler(event, context):
    found = {path: attempt(path) for path in event["paths"]}
    return {"answer": app.handler({"texts": event["texts"]}, context), "found": found, "uid": os.getuid()}
"""


CALLER = """
import sys
from pathlib import Path
import psutil
from slipway.rehearsal.function.emulator import Emulator

with Emulator(Path(sys.argv[1])) as running:
    running.invoke({"texts": ["a"]})
    print(running.process.pid, *(each.pid for each in psutil.Process(running.process.pid).children()), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def function(shipped: Path) -> Iterator[Emulator]:
    """app.handler over the real bundle."""
    with Emulator(shipped) as running:
        yield running


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A copy of lambda/, to add to."""
    return shutil.copytree(LAMBDA, tmp_path / "code", ignore=shutil.ignore_patterns("__pycache__"))


def url_event(body: str, encoded: bool = False) -> dict[str, Any]:
    """What a function URL sends: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html."""
    http = {"method": "POST", "path": "/predict", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "curl"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/predict",
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "abc.lambda-url.us-east-1.on.aws"},
        "requestContext": {"requestId": "id", "http": http, "stage": "$default"},
        "body": body,
        "isBase64Encoded": encoded,
    }


def processes(running: Emulator) -> list[psutil.Process]:
    """The emulator and the function."""
    emulator = psutil.Process(running.process.pid)
    return [emulator, *emulator.children(recursive=True)]


def lines(running: Emulator) -> list[dict[str, Any]]:
    """What the function logged as JSON."""
    return [json.loads(line) for line in running.log.splitlines() if line.startswith("{")]


def test_a_direct_invocation_is_answered_as_the_predictor_does(function: Emulator, shipped: Path) -> None:
    answer = function.invoke({"texts": TEXTS, "top_k": 3})
    assert answer["predictions"] == Predictor(shipped).predict(TEXTS, top_k=3)
    assert answer["model"]["version"] == Predictor(shipped).digest


@pytest.mark.parametrize("encoded", [False, True])
def test_a_request_to_a_function_url_is_answered(function: Emulator, shipped: Path, encoded: bool) -> None:
    texts = [*TEXTS, "où est ma carte \N{CREDIT CARD}"]
    body = json.dumps({"texts": texts}, ensure_ascii=False)
    answer = function.invoke(url_event(base64.b64encode(body.encode()).decode() if encoded else body, encoded))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["predictions"] == Predictor(shipped).predict(texts)


def test_an_event_of_an_unknown_source_is_told_so(function: Emulator) -> None:
    answer = function.invoke({"Records": [{"eventSource": "aws:s3"}]})
    assert (answer["status"], "unknown source" in answer["detail"]) == (400, True)


def test_the_log_has_a_line_and_metrics_of_each_request(function: Emulator, shipped: Path) -> None:
    request_id = function.invoke({"texts": TEXTS})["request_id"]
    said = lines(function)
    (line,) = [each for each in said if each.get("request_id") == request_id]
    assert (line["level"], line["message"], line["texts"], line["cold_start"]) == ("INFO", "answered", 2, False)
    assert line["model"]["version"] == Predictor(shipped).digest
    metrics = [each for each in said if "_aws" in each and each.get("Texts") == [2.0]]
    assert metrics, "no EMF line of this request"
    assert metrics[-1]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "slipway"


def test_only_the_first_request_is_a_cold_start(shipped: Path) -> None:
    with Emulator(shipped) as running:
        for _ in range(2):
            running.invoke({"texts": TEXTS})
        assert [each["cold_start"] for each in lines(running) if each.get("message") == "answered"] == [True, False]


def test_the_function_gets_nothing_of_the_callers_environment(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "SLIPWAY_PAGE",
        "HTTPS_PROXY",
        "PYTHONPATH",
    ):
        monkeypatch.setenv(name, "of the caller")
    with Emulator(shipped, environment={"SLIPWAY_CAPTURE_RATE": "1"}) as running:
        running.invoke({"texts": TEXTS})
        told = processes(running)[-1].environ()
        assert "of the caller" not in told.values()
        assert {told[name] for name in ALLOWED} == {""}
        assert not {"HOME", "USER"} & set(told)
        assert told["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
        assert len([each for each in lines(running) if "capture" in each]) == len(TEXTS)


def test_the_function_writes_nowhere_and_asks_nobody(shipped: Path, code: Path) -> None:
    (code / "watched.py").write_text(WATCHED)
    with Emulator(shipped, "watched.handler", code=code) as running:
        first = running.invoke({"texts": TEXTS})
        told = running.invoke(url_event(json.dumps({"texts": TEXTS})))
        assert first["answer"]["predictions"] == json.loads(told["answer"]["body"])["predictions"]
        assert told["seen"] == []
        process = processes(running)[-1]
        # what native code does is in no audit
        assert [each.path for each in process.open_files() if each.mode != "r" and "(deleted)" not in each.path] == []
        connections = process.net_connections()
        assert {each.raddr.ip for each in connections if each.raddr} == {"127.0.0.1"}
        assert [each for each in connections if each.status == psutil.CONN_LISTEN] == []


def test_tmp_is_all_it_needs_to_write_to(shipped: Path, code: Path) -> None:
    (code / "writer.py").write_text(TRIES_TO_WRITE)
    # not below pytest's own folders, which no other user may enter
    with TemporaryDirectory() as folder:
        place, bundle = shutil.copytree(code, Path(folder) / "code"), shutil.copytree(shipped, Path(folder) / "bundle")
        for path in (*place.iterdir(), *bundle.iterdir(), place, bundle, Path(folder)):
            path.chmod(0o555 if path.is_dir() else 0o444)
        denied = [str(place / "new"), str(bundle / "new"), "/new", "/usr/new"]
        allowed = f"{gettempdir()}/{Path(folder).name}-new"
        wrap = UNPRIVILEGED if os.getuid() == 0 else []
        with Emulator(bundle, "writer.handler", code=place, wrap=wrap) as running:
            told = running.invoke({"texts": TEXTS, "paths": [*denied, allowed]})
        for path in (place, bundle, Path(folder)):
            path.chmod(0o755)
    assert told["uid"] != 0
    assert told["found"] == dict.fromkeys(denied, "PermissionError") | {allowed: "written"}
    assert told["answer"]["predictions"] == Predictor(shipped).predict(TEXTS)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_function_with_a_damaged_bundle_does_not_start_and_names_the_file(bundle: Path, name: str) -> None:
    with (bundle / name).open("ab") as file:
        file.write(b"x")
    with Emulator(bundle) as running:
        # each time, not only the first
        for _ in range(2):
            with pytest.raises(UserError, match=f"did not start, or ended: .*{name} was altered"):
                running.invoke({"texts": TEXTS})


def test_a_function_with_a_missing_file_does_not_start_and_names_it(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()
    with Emulator(bundle) as running, pytest.raises(UserError, match=r"model\.onnx cannot be read \(No such file"):
        running.invoke({"texts": TEXTS})


def test_a_setting_that_is_none_is_named(shipped: Path) -> None:
    with (
        Emulator(shipped, environment={"SLIPWAY_CAPTURE_TEXT": "all"}) as running,
        pytest.raises(
            UserError,
            match="SLIPWAY_CAPTURE_RATE or SLIPWAY_CAPTURE_TEXT: 'all' is no way",
        ),
    ):
        running.invoke({"texts": TEXTS})


def test_a_function_that_ends_without_a_word_to_lambda_is_quoted(shipped: Path, code: Path) -> None:
    (code / "ends.py").write_text("import os\nprint('my last words', flush=True)\nos._exit(3)\n")
    with (
        Emulator(shipped, "ends.handler", code=code) as running,
        pytest.raises(UserError, match=r"(?s)Runtime exited.*\nmy last words"),
    ):
        running.invoke({"texts": TEXTS})


def test_a_function_that_ends_while_it_answers_is_quoted(shipped: Path, code: Path) -> None:
    (code / "ends.py").write_text(
        "import os\n\ndef handler(*_):\n    print('my last words', flush=True)\n    os._exit(3)\n"
    )
    with (
        Emulator(shipped, "ends.handler", code=code) as running,
        pytest.raises(UserError, match=r"(?s)Runtime exited.*\nmy last words"),
    ):
        running.invoke({"texts": TEXTS})


def test_a_function_that_does_not_answer_is_not_waited_for(shipped: Path, code: Path) -> None:
    (code / "waits.py").write_text("import signal\n\ndef handler(event, context):\n    signal.pause()\n")
    with Emulator(shipped, "waits.handler", code=code) as running:
        with pytest.raises(UserError, match=r"did not answer within 0\.5 seconds"):
            running.invoke({}, seconds=0.5)
        started = processes(running)
        assert len(started) == 2
    assert psutil.wait_procs(started, timeout=10)[1] == []


def test_a_port_that_another_process_took_is_left_to_it(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        offers = iter([[port, *free_ports(1)], [*free_ports(1), port], free_ports(2)])
        place = "slipway.rehearsal.function.emulator.free_ports"
        monkeypatch.setattr(place, lambda count: next(offers))
        with Emulator(shipped) as running:
            assert len(running.invoke({"texts": TEXTS})["predictions"]) == 2
    assert next(offers, None) is None


def test_nothing_outlives_the_block(shipped: Path) -> None:
    with Emulator(shipped) as running:
        running.invoke({"texts": TEXTS})
        started = processes(running)
        assert len(started) == 2
    assert [process for process in started if process.is_running()] == []
    with pytest.raises(UserError, match="does not answer"):
        invoke(running.port, {"texts": TEXTS})


def test_nothing_outlives_a_caller_that_is_killed(shipped: Path) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(shipped)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    started = [psutil.Process(int(number)) for number in caller.stdout.readline().split()]
    assert len(started) == 2
    caller.kill()
    caller.communicate(timeout=30)
    assert psutil.wait_procs(started, timeout=10)[1] == []
