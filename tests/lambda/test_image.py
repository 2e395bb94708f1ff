"""The function's image holds what answering imports, in the releases that are tested here, and nothing else."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.markers import Marker

from slipway.delivery.image.tag import sources
from slipway.rehearsal.function.emulator import IMAGE

ROOT = Path(__file__).resolve().parents[2]
LAMBDA = ROOT / "lambda"
LAPTOP = {"serve.py"}  # what only `make serve` runs
ASKED_FOR = {"idna"}  # by anyio, to connect to hosts with such names, which nothing here does
PIN = re.compile(r"^([\w.-]+)==([\w.+]+)(?: ; (.+?))? \\$", re.MULTILINE)
# answers a question over HTTP, then says what that took; finds no package but those of the list
ANSWERS = """
import sys
from importlib.metadata import packages_distributions

listed, homes = set(sys.argv[1].split()), packages_distributions()


def owners(name):
    return {owner.lower().replace("_", "-") for owner in homes.get(name, [])}


class Listed:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        own = owners(name.partition(".")[0])
        return None if own and not own & listed else self.finder.find_spec(name, path, target)


before = set(sys.modules)
sys.meta_path[:] = map(Listed, sys.meta_path)
try:
    import requests
except ModuleNotFoundError:
    pass
else:
    sys.exit("it could import what is in no list")
import json
import app, smoke

assert smoke.handler({}, None)["ok"]
try:
    # nobody listens there, and what is told to nobody is an error
    smoke.handler({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "1"}, None)
except Exception as error:
    assert "127.0.0.1:9" in str(error), error
else:
    sys.exit("CodeDeploy was told, though there is none")
for path in ("/predict", "/health", "/metadata", "/openapi.json", "/"):
    body = '{"texts": ["a b"]}' if path == "/predict" else None
    http = {"method": "POST" if body else "GET", "path": path, "sourceIp": "192.0.2.1"}
    event = {"version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {"host": "h"}, "body": body}
    answer = app.handler(event | {"requestContext": {"http": http}, "isBase64Encoded": False}, None)
    assert answer["statusCode"] == 200, answer
assert app.handler({"texts": []}, None)["status"] == 422
new = {name: module for name, module in sys.modules.items() if name not in before and module}
print(json.dumps({name: getattr(module, "__file__", None) for name, module in new.items()}))
"""


def pins(path: Path) -> dict[str, str]:
    """The releases that a lock holds for Python 3.13 on Linux, as in the image."""
    there = {"python_version": "3.13", "python_full_version": "3.13.0", "sys_platform": "linux"}
    found = PIN.findall(path.read_text(encoding="utf-8"))
    return {name: release for name, release, marker in found if not marker or Marker(marker).evaluate(there)}


@pytest.fixture(scope="module")
def imported(shipped: Path) -> dict[str, str | None]:
    """Modules, by name, and their files: what answering imports where only the image's packages are found."""
    listed = " ".join(pins(LAMBDA / "requirements.txt"))
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(LAMBDA),
        "SLIPWAY_BUNDLE": str(shipped),
        "SLIPWAY_FUNCTION": "slipway",
    }
    environment |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"}
    environment |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "-", "AWS_SECRET_ACCESS_KEY": "-"}
    process = subprocess.run(
        [sys.executable, "-c", ANSWERS, listed],
        check=False,
        env=environment | IMAGE | {"SLIPWAY_PAGE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return dict(json.loads(process.stdout.splitlines()[-1]))


@pytest.fixture
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("_in_root")
def test_the_image_has_the_modules_that_answering_imports_and_the_page(imported: dict[str, str | None]) -> None:
    files = [Path(file) for file in imported.values() if file]
    needed = {path.relative_to(ROOT).as_posix() for path in files if path.parent == LAMBDA}
    assert set(sources()) == needed | {"lambda/page.html", "lambda/requirements.txt", "models/bundle/"}


@pytest.mark.usefixtures("_in_root")
def test_every_module_is_in_the_image_or_for_laptops(imported: dict[str, str | None]) -> None:
    assert {path.name for path in LAMBDA.glob("*.py")} - {Path(name).name for name in sources()} == LAPTOP


def test_nothing_of_the_project_but_lambda_is_imported(imported: dict[str, str | None]) -> None:
    others = (sources.__module__.partition(".")[0], "torch", "mlflow", "boto3")
    assert [name for name in imported if name.partition(".")[0] in others] == []


def test_every_package_that_is_locked_is_imported_and_no_other(imported: dict[str, str | None]) -> None:
    homes = packages_distributions()
    tops = {name.partition(".")[0] for name in imported}
    used = {home.lower().replace("_", "-") for top in tops for home in homes.get(top, [])}
    assert used == set(pins(LAMBDA / "requirements.txt")) - ASKED_FOR


def test_the_image_has_the_releases_that_are_tested_here() -> None:
    image, here = pins(LAMBDA / "requirements.txt"), pins(ROOT / "requirements.lock")
    assert {name: here.get(name) for name in image} == image


def dockerfile() -> list[list[str]]:
    """The instructions, as words."""
    text = (LAMBDA / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line.split() for line in "\n".join(lines).replace("\\\n", " ").splitlines()]


def last_stage() -> int:
    """Where it begins."""
    return max(index for index, words in enumerate(dockerfile()) if words[0] == "FROM")


def test_the_emulator_sets_what_the_image_sets() -> None:
    final = dockerfile()[last_stage() :]
    told = [word.split("=", 1) for words in final if words[0] == "ENV" for word in words[1:]]
    assert dict(told) == IMAGE


def test_the_image_runs_the_app_as_a_user_without_rights() -> None:
    final = {words[0]: words[1:] for words in dockerfile()}
    assert json.loads(" ".join(final["CMD"])) == ["app.handler"]
    assert final["USER"] == ["65534:65534"]
    assert "ENTRYPOINT" not in final, "AWS's image has its own, and with it the emulator"


def test_the_image_holds_packages_app_and_bundle_and_nothing_else() -> None:
    build, final = (
        [" ".join(words) for words in dockerfile()[start:stop] if words[0] in ("COPY", "RUN", "ADD", "FROM")]
        for start, stop in ((0, last_stage()), (last_stage(), None))
    )
    assert final == [
        "FROM base",
        "COPY --from=build /packages/ ${LAMBDA_TASK_ROOT}/",
        "COPY --from=build /app/ ${LAMBDA_TASK_ROOT}/",
        "COPY --from=build /bundle/ ${LAMBDA_TASK_ROOT}/bundle/",
    ]
    copied = {words.split()[-1] for words in build if words.startswith("COPY")}
    assert copied == {"/tmp/lock/", "/app/", "/bundle/"}  # noqa: S108
    assert build[-1].startswith("RUN chmod -R u=rwX,go=rX /packages /app /bundle && ")
    assert {words[0] for words in dockerfile()} == {"FROM", "ENV", "COPY", "RUN", "USER", "CMD"}


def test_nothing_that_is_removed_is_imported(imported: dict[str, str | None]) -> None:
    [install] = [words for words in dockerfile() if "pip" in words]
    removed = [word.removeprefix("/packages/") for word in install if word.startswith("/packages/") and "*" not in word]
    assert "onnxruntime/tools" in removed
    assert [name for name in imported if name.replace(".", "/").startswith(tuple(removed))] == []


def test_packages_are_installed_as_locked_and_compiled() -> None:
    (install,) = [shlex.join(words) for words in dockerfile() if "pip" in words]
    assert "--require-hashes --no-deps --only-binary :all: --no-compile" in install
    assert "'$COMPILE' /packages" in install
    [flags] = [words for words in dockerfile() if words[1].startswith("COMPILE=")]
    assert "--invalidation-mode unchecked-hash" in " ".join(flags)
    assert any(words[-2:] == ["$COMPILE", "/app"] for words in dockerfile())


def test_docker_is_sent_what_is_copied_and_nothing_else() -> None:
    """https://docs.docker.com/build/concepts/context/#dockerignore-files"""
    words = (LAMBDA / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in words if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert all(re.fullmatch(r"!(lambda|models/bundle)/[\w.*]+", rule) for rule in rules[1:])


def test_docker_is_sent_every_file_of_a_bundle(shipped: Path) -> None:
    rules = (LAMBDA / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!models/bundle/{path.name}" for path in shipped.iterdir()} <= set(rules)
