"""A project in a folder of its own, and a web server that misbehaves on request."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from slipway.__main__ import main
from slipway.config.compose import Order, resolve
from slipway.config.data import DataConfig
from slipway.config.tokenizer import TokenizerConfig

ROOT = Path(__file__).resolve().parents[2]


def tokenizer_config(kind: str, **values: object) -> TokenizerConfig:
    """The tokenizer of conf/model/bag.yaml as `kind`, with some of its values changed."""
    default = resolve(Order({"model": "bag"}), conf=ROOT / "conf")[1]["model"]["tokenizer"]
    content = json.dumps(default | {"kind": kind} | values)
    config: TokenizerConfig = TypeAdapter(TokenizerConfig).validate_json(content)
    return config


def configured(name: str, **values: object) -> dict[str, Any]:
    """The mapping of conf/data/NAME.yaml, with `a__b=value` set at a.b."""
    config: dict[str, Any] = resolve(Order({"data": name}), conf=ROOT / "conf")[1]["data"]
    for key, value in values.items():
        *parents, last = key.split("__")
        place = config
        for parent in parents:
            place = place[parent]
        assert last in place, f"conf/data/{name}.yaml has no {key}"
        place[last] = value
    DataConfig.model_validate_json(json.dumps(config))
    return config


@dataclass(frozen=True)
class Project:
    """The folder that a test's verbs run in."""

    folder: Path

    def configure(self, name: str = "csv", tokenizer: object = None, vectors: object = None, **values: object) -> None:
        words = tokenizer_config("words", vocab_size=5000, max_length=64, min_frequency=1)
        model = {"tokenizer": tokenizer or words.model_dump(mode="json"), "vectors": vectors}
        content = {"data": configured(name, **values), "model": model}
        (self.folder / "resolved.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def write(self, content: str | bytes, name: str = "data/local/texts.csv") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, *verbs: str) -> int:
        """Run the verbs until one fails; returns the exit status."""
        return next((status for verb in verbs if (status := main([verb]))), 0)

    def files(self) -> dict[str, bytes]:
        """Every file below the folder, by its relative path."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()
        }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return Project(tmp_path)


@dataclass
class Server:
    """Serves `content` under any path; each answer in `script` is taken by one request, then it behaves.

    An answer is a status, headers, "cut" (the connection ends in the middle of what is left), "no ranges", "no length",
    "cut without length", "chunks", "redirect" (to itself), or "huge" (a length that no disk has).
    """

    url: str = ""
    content: bytes = b""
    tag: str | None = '"one"'
    script: list[object] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    state = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    http.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that goes away is part of the tests
    state.url = f"http://127.0.0.1:{http.server_port}/texts.csv"
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def _handler(state: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append((self.path, wanted))
            answer = state.script.pop(0) if state.script else "whole"
            if isinstance(answer, int):
                self.send_error(answer)
                return
            if answer == "redirect":
                self.send_response(302)
                self.send_header("Location", self.path)
                self.end_headers()
                return
            match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            fits = match and answer != "no ranges" and self.headers.get("If-Range") in (None, state.tag)
            start = int(match[1]) if match and fits else 0
            if fits and start >= len(state.content):
                self.send_error(416)
                return
            body = state.content[start:]
            self.send_response(206 if fits else 200)
            if fits:
                self.send_header("Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}")
            headers = {"ETag": state.tag, "Content-Length": str(10**18 if answer == "huge" else len(body))}
            if answer in ("no length", "cut without length", "chunks"):
                del headers["Content-Length"]
            if answer == "chunks":
                headers["Transfer-Encoding"] = "chunked"
                body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            if isinstance(answer, dict):
                headers |= answer
            for name, value in headers.items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if "cut" in str(answer) else body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def configure() -> Callable[..., dict[str, Any]]:
    return configured
