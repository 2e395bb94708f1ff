"""The smoke handler says whether the bundle answers here as it did where it was made, and what is wrong where not."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from slipway.predictor import Predictor, digest_of, questions, wrong_with
from slipway.rehearsal.function.emulator import Emulator

Change = Callable[[dict[str, Any]], None]


def smoke(bundle: Path) -> dict[str, Any]:
    """The answer of the handler, run as Lambda runs it."""
    with Emulator(bundle, "smoke.handler") as function:
        return function.invoke({"any": "event"})


def rewrite(bundle: Path, change: Change) -> None:
    """Change the manifest, and give it the digest of what it says now."""
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_bytes())
    change(manifest)
    manifest["digest"] = "0" * 64
    content = json.dumps(manifest).encode()
    path.write_bytes(content.replace(b"0" * 64, digest_of(content, "0" * 64).encode(), 1))


def test_a_good_bundle_is_good(shipped: Path) -> None:
    predictor = Predictor(shipped)
    recorded = len(predictor.manifest["recorded"])
    assert recorded > 1
    assert smoke(shipped) == {"ok": True, "bundle": predictor.digest, "checked": recorded, "faults": []}


def other_label(manifest: dict[str, Any]) -> None:
    entry = manifest["recorded"][1]
    entry["label"] = next(label for label in manifest["labels"] if label != entry["label"])


def other_probability(manifest: dict[str, Any]) -> None:
    manifest["recorded"][-1]["probabilities"][0] += 2 * manifest["tolerance"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (other_label, r"recorded\[1\]: the label is .+, recorded was .+"),
        (other_probability, r"recorded\[15\]: a probability is 0.002 off, 0.001 is allowed"),
    ],
)
def test_a_recorded_prediction_that_does_not_hold_is_named(bundle: Path, change: Change, fault: str) -> None:
    rewrite(bundle, change)
    told = smoke(bundle)
    assert told["ok"] is False
    assert told["bundle"] == Predictor(bundle).digest
    assert len(told["faults"]) == 1
    assert re.fullmatch(fault, told["faults"][0])


def test_a_difference_within_the_tolerance_holds(bundle: Path) -> None:
    def slightly(manifest: dict[str, Any]) -> None:
        manifest["recorded"][1]["probabilities"][0] += manifest["tolerance"] / 2

    rewrite(bundle, slightly)
    assert smoke(bundle)["ok"] is True


def test_another_label_by_less_than_the_tolerance_holds(bundle: Path) -> None:
    def undecided(manifest: dict[str, Any]) -> None:
        other_label(manifest)
        manifest["recorded"][1]["margin"] = manifest["tolerance"] / 2

    rewrite(bundle, undecided)
    assert smoke(bundle)["ok"] is True


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "tokenizer.json"])
@pytest.mark.parametrize("missing", [False, True])
def test_a_damaged_file_is_named(bundle: Path, name: str, missing: bool) -> None:
    path = bundle / name
    content = path.read_bytes()
    path.unlink() if missing else path.write_bytes(content[:-2] + b"x\n")
    told = smoke(bundle)
    assert (told["ok"], told["bundle"], told["checked"]) == (False, None, 0)
    (fault,) = told["faults"]
    assert fault.startswith(f"{path} ")
    assert ("cannot be read" in fault) == missing


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(files=None),
        lambda manifest: manifest.update(token_budget="many"),
        lambda manifest: manifest["recorded"][0]["probabilities"].append(0.0),
    ],
    ids=["files", "token_budget", "recorded"],
)
def test_a_bundle_that_is_whole_and_none_is_a_fault(bundle: Path, change: Change) -> None:
    rewrite(bundle, change)
    told = smoke(bundle)
    assert (told["ok"], told["checked"], len(told["faults"])) == (False, 0, 1)
    assert str(bundle) in told["faults"][0]


def test_a_bundle_of_a_newer_schema_is_refused(bundle: Path) -> None:
    rewrite(bundle, lambda manifest: manifest.update(schema_version=2))
    assert "the bundle was made by newer code" in smoke(bundle)["faults"][0]


def test_the_bundle_beside_the_code_is_the_one_without_a_setting(shipped: Path, tmp_path: Path) -> None:
    code = shutil.copytree(Path(__file__).resolve().parents[2] / "lambda", tmp_path / "code")
    shutil.copytree(shipped, code / "bundle")
    function = Emulator(shipped, "smoke.handler", code=code)
    del function.environment["SLIPWAY_BUNDLE"]
    with function:
        assert function.invoke({})["ok"] is True


SAYS = '{"bundle":"0123","version":"7","before":"6"}'
HOOK = {"DeploymentId": "d-123456789", "LifecycleEventHookExecutionId": "e-1"}


class Aws(ThreadingHTTPServer):
    """Lambda, whose version 7 is `version`, and CodeDeploy, with a deployment, which keeps what it is told."""

    def __init__(self, version: Emulator, description: str) -> None:
        super().__init__(("127.0.0.1", 0), Front)
        self.version, self.told = version, list[dict[str, Any]]()
        self.deployment = {"deploymentId": HOOK["DeploymentId"], "description": description}


class Front(BaseHTTPRequestHandler):
    """Answers as AWS does."""

    server: Aws

    def do_POST(self) -> None:
        """Invoke, GetDeployment, or PutLifecycleEventHookExecutionStatus."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer: Any = {"lifecycleEventHookExecutionId": HOOK["LifecycleEventHookExecutionId"]}
        if self.headers.get("X-Amz-Target", "").endswith(".PutLifecycleEventHookExecutionStatus"):
            self.server.told.append(body)
        elif self.headers.get("X-Amz-Target", "").endswith(".GetDeployment"):
            answer = {"deploymentInfo": self.server.deployment} if body == {"deploymentId": "d-123456789"} else None
        elif self.path == "/2015-03-31/functions/slipway-production/invocations?Qualifier=7":
            answer = self.server.version.invoke(body)
        else:
            answer = None
        content = json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def asked(own: Path, version: Path, description: str = SAYS) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """What the hook answers, and what it told CodeDeploy, where a version with another image's bundle answers."""
    with Emulator(version) as app, Aws(app, description) as aws:
        serving = Thread(target=aws.serve_forever, args=(0.05,))
        serving.start()
        function = Emulator(own, "smoke.handler")
        function.environment |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws.server_port}",
            "AWS_ACCESS_KEY_ID": "-",
            "AWS_SECRET_ACCESS_KEY": "-",
            "SLIPWAY_FUNCTION": "slipway-production",
        }
        try:
            with function:
                yield function.invoke(HOOK), aws.told
        finally:
            aws.shutdown()
            serving.join()


def test_codedeploy_is_told_that_a_good_version_is_good(shipped: Path) -> None:
    with asked(shipped, shipped) as (answer, told):
        assert answer["ok"] is True
        [status] = told
    assert status == {
        "deploymentId": "d-123456789",
        "lifecycleEventHookExecutionId": "e-1",
        "status": "Succeeded",
    }


def test_a_version_with_another_bundle_is_refused(shipped: Path, bundle: Path) -> None:
    rewrite(bundle, lambda manifest: manifest.update(name="another"))
    with asked(shipped, bundle) as (answer, told):
        assert answer["faults"][0] == f"another bundle answers: {Predictor(bundle).digest}"
        assert [each["status"] for each in told] == ["Failed"]


@pytest.mark.parametrize("description", [SAYS.replace("7", "8"), "{}", "[7]", "by hand", ""])
def test_a_version_that_cannot_be_asked_is_refused(shipped: Path, description: str) -> None:
    with asked(shipped, shipped, description) as (answer, told):
        assert "the version cannot be asked" in answer["faults"][0]
        assert [each["status"] for each in told] == ["Failed"]


def test_a_bundle_that_does_not_hold_is_refused_without_a_question(bundle: Path, shipped: Path) -> None:
    rewrite(bundle, other_label)
    with asked(bundle, shipped) as (answer, told):
        assert "the label is" in answer["faults"][0]
        assert [each["status"] for each in told] == ["Failed"]


def test_all_recorded_texts_are_asked_within_what_the_function_takes(shipped: Path) -> None:
    manifest = json.loads((shipped / "manifest.json").read_bytes())
    texts = [entry["text"] for entry in manifest["recorded"]]
    for limits in ({"texts": 3}, {"body_bytes": max(len(text.encode()) for text in texts) + 1}):
        limited = manifest | {"limits": manifest["limits"] | limits}
        found = list(questions(limited))
        assert [text for _, question in found for text in question["texts"]] == texts
        assert [texts[start] for start, _ in found] == [question["texts"][0] for _, question in found]
        assert len(found) > 1
        for _, question in found:
            assert len(question["texts"]) <= limited["limits"]["texts"]
            assert sum(len(text.encode()) for text in question["texts"]) <= limited["limits"]["body_bytes"]


@pytest.mark.parametrize(
    "answer",
    [None, {}, "text", {"errorMessage": "it ended"}, {"model": {}}, {"model": {"version": "?"}, "predictions": []}],
)
def test_what_is_no_answer_is_a_fault(shipped: Path, answer: Any) -> None:
    manifest = json.loads((shipped / "manifest.json").read_bytes())
    assert len(wrong_with(manifest, 0, next(questions(manifest))[1], answer)) == 1


def test_an_answer_without_all_that_was_asked_is_a_fault(shipped: Path) -> None:
    manifest = json.loads((shipped / "manifest.json").read_bytes())
    start, question = next(questions(manifest))
    with Emulator(shipped) as app:
        answer = app.invoke(question)
    assert wrong_with(manifest, start, question, answer) == []
    for predictions in ([], answer["predictions"][:-1]):
        assert wrong_with(manifest, start, question, answer | {"predictions": predictions}) != []
