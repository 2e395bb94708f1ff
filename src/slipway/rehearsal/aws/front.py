"""What a request to an emulated account meets first: it is recorded, refused where a fault is set, and answered."""

import socket
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from io import BytesIO
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import ThreadedWSGIServer

from slipway.rehearsal.aws.call import ACCOUNT, AwsError, Call, answer, answer_error, read_call
from slipway.rehearsal.aws.identity.roles import check, trust_of
from slipway.rehearsal.aws.identity.trust import may_assume
from slipway.rehearsal.aws.serving.address import FOLDER
from slipway.rehearsal.aws.serving.registry import BLOBS

if TYPE_CHECKING:
    from slipway.rehearsal.aws.account import EmulatedAws

AWS_ITSELF = "ASIAAWSITSELF"  # begins the access keys of the emulation's own calls: they are not recorded
REDIRECT = (
    "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future "
    "requests to this endpoint."
)


class Front:
    """Answers each request here, or by moto."""

    def __init__(self, aws: "EmulatedAws") -> None:
        self.aws, self.moto = aws, DomainDispatcherApplication(create_backend_app)
        self.alone = Lock()  # moto's services read each other's dictionaries while they change

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        aws, length = self.aws, int(environ.get("CONTENT_LENGTH") or 0)
        payload = environ["wsgi.input"].read(length) if length else b""
        if length:
            environ["wsgi.input"] = BytesIO(payload)
        if environ["PATH_INFO"].startswith(BLOBS):
            return send(aws.registry.blob(environ["PATH_INFO"].removeprefix(BLOBS)).read_bytes(), start_response)
        if environ["PATH_INFO"].startswith(FOLDER):
            return aws.addresses.answer(environ, payload, start_response)
        call = read_call(environ, payload)
        if call.access_key.startswith(AWS_ITSELF):
            return self._answer(call, environ, payload, start_response)
        aws.requests.append(call)
        started: list[Any] = []
        try:
            aws.before(call)
            aws.faults.check(call)
            # the answer begins when it is sure that there is one
            result = self._answer(call, environ, payload, lambda *words: started.append(words))  # type: ignore[arg-type]
            aws.faults.lose(call)
        except AwsError as error:
            return answer_error(error, call, start_response)
        finally:
            aws.after(call)
        start_response(*started[-1])
        return result

    def _answer(
        self, call: Call, environ: WSGIEnvironment, payload: bytes, start_response: StartResponse
    ) -> Iterable[bytes]:
        """What AWS answers where no fault is set."""
        aws = self.aws
        try:
            if call.access_key in aws.roles:
                place = aws.releases.place(call) if call.service == "codedeploy" else {}
                check(replace(call, body=call.body | place), aws.roles[call.access_key])
            if (call.service, call.action) == ("sts", "AssumeRole"):
                check_assume(call)
            if call.service == "s3":
                check_bucket(call)
            for service in (aws.sagemaker, aws.codedeploy, aws.releases, aws.registry, aws.quotas):
                if service.knows(call):
                    return answer(service.answer(call), start_response)
            if (call.service, call.action) == ("lambda", "Invoke"):
                return self._invoke(call, environ, payload, start_response)
            if call.service == "monitoring":
                aws.alarms.told(call)
            with self.alone:
                return self.moto(environ, start_response)  # type: ignore[no-any-return]  # moto is not followed
        except AwsError as error:
            return answer_error(error, call, start_response)
        except Exception:
            # not 500, which boto3 tries again and again
            return answer_error(AwsError("EmulationError", traceback.format_exc()), call, start_response)

    def _invoke(
        self, call: Call, environ: WSGIEnvironment, payload: bytes, start_response: StartResponse
    ) -> Iterable[bytes]:
        kind = environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse")
        if kind == "DryRun":
            return send(b"", start_response, 204)
        told = self.aws.functions.invoke(call, payload, environ.get("HTTP_X_AMZ_LOG_TYPE") == "Tail")
        if kind == "Event":
            return send(b"", start_response, 202)
        return send(told.payload, start_response, 200, told.headers)


def check_assume(call: Call) -> None:
    """A role lets in whom its trust policy names, whatever rights they have. Raises AwsError."""
    role = call.body["RoleArn"]
    policy = trust_of(role)
    if policy is None or not may_assume(policy):
        why = f"User: arn:aws:iam::{ACCOUNT}:user/you is not authorized to perform: sts:AssumeRole on resource: {role}"
        raise AwsError("AccessDenied", why, 403)


def check_bucket(call: Call) -> None:
    """A bucket answers its own account alone, in its own region. Raises AwsError."""
    name = call.body.get("Bucket", "")
    if s3_backends.bucket_accounts.get(name, ("aws", ACCOUNT))[1] != ACCOUNT and call.action != "CreateBucket":
        raise AwsError("AccessDenied", "Access Denied", 403)
    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(name)
    if bucket is not None and bucket.region_name != call.region and call.action != "GetBucketLocation":
        raise AwsError("PermanentRedirect", REDIRECT, 301, x_amz_bucket_region=bucket.region_name)


def send(
    body: bytes, start_response: StartResponse, status: int = 200, headers: Iterable[tuple[str, str]] = ()
) -> list[bytes]:
    """Answer with bytes."""
    kind = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", [*kind, *headers])
    return [body]


class Server(ThreadedWSGIServer):
    """Serves on loopback until it is closed, and leaves no thread then."""

    # joined where the server is closed: a process that is to be forked must have none
    daemon_threads = False

    def __init__(self, aws: "EmulatedAws") -> None:
        self._open: set[socket.socket] = set()
        self._changing = Lock()
        super().__init__("127.0.0.1", 0, Front(aws), handler=Quiet)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._serving = Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._serving.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a connection."""
        with self._changing:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._changing:
            self._open.discard(request)
        super().shutdown_request(request)

    def close(self) -> None:
        """Take no more connections, and end those that there are once they are answered."""
        self.shutdown()
        self._serving.join()
        with self._changing:
            waiting = list(self._open)
        for connection in waiting:
            # a client may keep one open for long
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        self.server_close()


class Quiet(MotoRequestHandler):  # type: ignore[misc]  # moto is not followed
    """Says nothing of each request."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""
