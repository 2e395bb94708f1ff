"""GitHub's doors on this machine: HTTP on loopback and on a socket, and git over HTTP."""

import os
import socket
import subprocess
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from slipway.rehearsal.github.call import API, Caller, RefusedError
from slipway.rehearsal.github.git import ENVIRONMENT, GitError
from slipway.rehearsal.github.request import Asked, answer
from slipway.rehearsal.github.rulesets import rules_for

if TYPE_CHECKING:
    from slipway.rehearsal.github.hub import GitHub

UNICORN = "<html><body><strong>Unicorn!</strong> No server is currently available.</body></html>"
# what GitHub refuses of a push: a rule of the branch, and workflows' files by a job
UPDATE = r"""#!/bin/sh
# $1 ref, $2 old, $3 new; the file `rules` holds a ref and a rule a line
none=0000000000000000000000000000000000000000
refuse() { echo "GH013: Repository rule violations found for $1. $2" >&2; exit 1; }
while read -r ref rule; do
  [ "$ref" = "$1" ] || [ "$ref" = "*" ] || continue
  case $rule in
    deletion) [ "$3" = $none ] && refuse "$1" "Cannot delete this branch" ;;
    non_fast_forward)
      [ "$3" = $none ] || [ "$2" = $none ] || git merge-base --is-ancestor "$2" "$3" ||
        refuse "$1" "Cannot force-push to this branch" ;;
    pull_request) [ "$2" = $none ] || refuse "$1" "Changes must be made through a pull request." ;;
    workflows)
      [ "$3" = $none ] || [ -z "$(git log --format= --name-only "$3" --not --all -- .github/workflows)" ] ||
        refuse "$1" "A GitHub App may not create or update a workflow without the permission workflows" ;;
  esac
done < "${GIT_DIR:-.}/rules"
exit 0
"""


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        """A socket has no address."""
        return "socket"

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def serving(address: str, app: WSGIApplication) -> Iterator[int]:
    """Serve at a host of this machine or `unix://...` as long as the block lasts; the port."""
    server = make_server(address, 0, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def doors(github: "GitHub") -> tuple[WSGIApplication, WSGIApplication]:
    """What answers on the socket, where requests are for GitHub's own host, and on loopback."""
    return partial(_answer, github, "api.github.com"), partial(_answer, github, None)


def _answer(github: "GitHub", host: str | None, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    request = Request(environ)
    data = request.get_data()  # what sends it may wait for another answer first
    if github.down:
        return Response(UNICORN, 503, content_type="text/html")(environ, start)
    if host is None and ".git/" in request.path:
        return _git(github, request, data)(environ, start)
    quoted = str(environ.get("REQUEST_URI", request.path)).partition("?")[0]
    authorization = request.authorization
    token = authorization.token if authorization and authorization.type in ("bearer", "token") else None
    right = host is None or request.host == host
    given = token if right else None
    accept = str(request.accept_mimetypes)
    asked = Asked(request.method, request.path, quoted, request.args.to_dict(), data, given, accept)
    told = answer(github, asked)
    if told.status == 0:
        # the request took effect, and the connection breaks off
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []
    headers = {"Content-Type": "application/json; charset=utf-8"} | dict(told.headers)
    # pages are of the door that was asked at
    if host is None and "Link" in headers:
        headers["Link"] = headers["Link"].replace(API, github.url)
    if not told.text:
        del headers["Content-Type"]
    return Response(told.text.encode("utf-8", "surrogateescape"), told.status, headers)(environ, start)


def _git(github: "GitHub", request: Request, data: bytes) -> Response:
    """Clone, fetch and push, by git's own program."""
    owner, _, rest = request.path.strip("/").partition("/")
    name = rest.partition(".git/")[0]
    git = github.git if owner == github.owner else github.forks.get(owner)
    writes = "git-receive-pack" in (request.path + request.query_string.decode())
    header = request.headers.get("Authorization", "")
    try:
        token = b64decode(header.removeprefix("Basic ")).decode().partition(":")[2]
        caller = github.caller(token)
    except (ValueError, RefusedError):
        caller = None
    if caller is None and (writes or github.plan != "public"):
        return Response("Authentication required", 401, {"WWW-Authenticate": 'Basic realm="GitHub"'})
    if git is None or name != github.name:
        return Response("Repository not found.", 404)
    if caller is not None and not _may_use(github, caller, owner, writes):
        return Response(f"Permission to {owner}/{name}.git denied to {caller.login}.", 403)
    if caller is None or not request.path.endswith("/git-receive-pack"):
        return _backend(github, request, data, "")
    with github.lock:
        github.requests.append(f"PUSH {request.path.removesuffix('/git-receive-pack')}")
        guard(github, job=caller.is_job)
        answer = _backend(github, request, data, caller.login)
        github.look(caller)
    return answer


def _may_use(github: "GitHub", caller: Caller, owner: str, writes: bool) -> bool:
    """Whether clones (or pushes) of somebody's repository are for them."""
    if caller.permissions is not None:
        level = caller.permissions.get("contents", "none")
        return owner == github.owner and (level == "write" or (level == "read" and not writes))
    if owner != github.owner:
        return caller.login == owner or not writes
    enough = ("write", "maintain", "admin") if writes else ("read", "triage", "write", "maintain", "admin")
    return caller.role in enough or (not writes and github.plan == "public")


def guard(github: "GitHub", job: bool) -> None:
    """Write down what git's hook refuses of the next push."""
    hook = github.git.folder / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(UPDATE, encoding="utf-8")
    hook.chmod(0o755)
    rows = [f"{ref} {rule['type']}" for ref in github.git.refs("refs/heads/") for rule in rules_for(github, ref)]
    (github.git.folder / "rules").write_text("\n".join([*rows, *(["* workflows"] if job else []), ""]))


def _backend(github: "GitHub", request: Request, data: bytes, login: str) -> Response:
    told = {"GIT_PROJECT_ROOT": str(github.folder / "git"), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": request.path}
    told |= {"REQUEST_METHOD": request.method, "QUERY_STRING": request.query_string.decode(), "REMOTE_USER": login}
    told |= {"CONTENT_TYPE": request.content_type or "", "CONTENT_LENGTH": str(len(data)), "REMOTE_ADDR": "127.0.0.1"}
    told |= {"HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", "")}
    told |= {"GIT_PROTOCOL": request.headers.get("Git-Protocol", "")}
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "http-backend"]
    env = clean | ENVIRONMENT | told
    done = subprocess.run(command, input=data, capture_output=True, env=env, cwd=Path.home(), check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    if done.returncode or not head:
        raise GitError(done.stderr.decode(errors="replace"))
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
    status = int(headers.pop("Status", "200").split()[0])
    return Response(body, status, headers)
