"""From main's bundle to production: what is released, what is taken back, and what a run finds that was cut off."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from slipway.compute.image import image_tag
from slipway.delivery.terraform.root import binary
from slipway.errors import UserError
from slipway.predictor import digest_of
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.call import AwsError, Call
from slipway.rehearsal.docker.client import install
from slipway.rehearsal.terraform import Terraform, mirror

# minutes of Terraform and canaries: `make rehearse-all`
pytestmark = [pytest.mark.slow, pytest.mark.rehearsal]
ROOT = Path(__file__).resolve().parents[3]
MINUTE = 1.0  # seconds that a minute lasts
FUNCTION = "slipway-production"


@dataclass(frozen=True)
class Said:
    """What a verb printed, and its outputs."""

    status: int
    text: str
    outputs: dict[str, str]


@dataclass
class Project:
    """A checkout of main, and the account that it is released to."""

    folder: Path
    aws: EmulatedAws
    environment: dict[str, str]
    whole: Path
    number: int = 0

    def commit(self, change: Callable[[dict[str, Any]], None] = lambda manifest: None, verdict: str = "promote") -> str:
        """Another bundle on main; returns its digest."""
        self.number += 1
        bundle = self.folder / "models" / "bundle"
        shutil.rmtree(bundle, ignore_errors=True)
        shutil.copytree(self.whole, bundle)
        manifest = json.loads((bundle / "manifest.json").read_bytes())
        manifest["name"] = f"texts-{self.number}"
        change(manifest)
        manifest["digest"] = "0" * 64
        content = json.dumps(manifest).encode()
        digest = digest_of(content, "0" * 64)
        (bundle / "manifest.json").write_bytes(content.replace(b"0" * 64, digest.encode(), 1))
        self.mlflow.create_model_version("slipway", "nowhere", tags={"bundle": digest})
        return self.lock(digest, verdict)

    def lock(self, digest: str, verdict: str = "promote") -> str:
        """What git knows of a bundle."""
        gate = json.dumps({"bundle": digest, "verdict": verdict})
        (self.folder / "reports" / "gate.json").write_text(gate, encoding="utf-8")
        out = {"path": "reports/gate.json", "md5": md5(gate.encode(), usedforsecurity=False).hexdigest()}
        lock = {"schema": "2.0", "stages": {"gate": {"cmd": "gate", "outs": [out]}}}
        (self.folder / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")
        for words in (["add", "dvc.lock", "reports"], ["commit", "--quiet", "--allow-empty", "-m", "A model"]):
            subprocess.run(["git", *words], cwd=self.folder, check=True)
        return digest

    def start(self, *words: str, role: str, **variables: str) -> subprocess.Popen[str]:
        """A verb, in a role of GitHub's."""
        (self.folder / "output").unlink(missing_ok=True)
        told = self.environment | self.aws.as_role(f"slipway-{role}")
        told |= {"GITHUB_OUTPUT": str(self.folder / "output")}
        told |= {key: self.environment[key] for key in ("PATH", "PYTHONPATH")} | variables
        return subprocess.Popen(
            [sys.executable, "-m", "slipway", *words],
            cwd=self.folder,
            env=told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, role: str, **variables: str) -> Said:
        """The same, to its end."""
        return self.end(self.start(*words, role=role, **variables))

    def end(self, process: subprocess.Popen[str]) -> Said:
        """What came of it."""
        text = process.communicate(timeout=240)[0]
        lines = iter((self.folder / "output").read_text().splitlines() if (self.folder / "output").exists() else [])
        outputs = {}
        for line in lines:
            name, _, end = line.partition("<<")
            outputs[name] = "\n".join(iter(lambda: next(lines), end))
        return Said(process.returncode, text, outputs)

    def release(self, environment: str, **variables: str) -> Said:
        """`slipway release`, in its environment's role."""
        return self.run("release", environment, role=f"deploy-{environment}", **variables)

    def image(self) -> Said:
        """`slipway image serve`."""
        return self.run("image", "serve", role="deploy-staging")

    def desired(self, **variables: str) -> Said:
        """`slipway desired`."""
        return self.run("desired", role="operate", **variables)

    @cached_property
    def mlflow(self) -> MlflowClient:
        """Where every bundle is registered, as by the gate."""
        client = MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        client.create_registered_model("slipway")
        return client

    def champion(self) -> str:
        """The bundle that MLflow's alias names."""
        version = self.mlflow.get_model_version_by_alias("slipway", "champion")
        return str(version.tags["bundle"])

    def live(self) -> dict[str, Any]:
        """Where production's alias points."""
        return dict(self.aws.client("lambda").get_alias(FunctionName=FUNCTION, Name="live"))

    def answers(self) -> str:
        """The digest of the bundle that answers in production."""
        return str(json.loads(self.aws.ask(FUNCTION, {"texts": ["where is my card"]}).payload)["model"]["version"])

    def own_alarms(self) -> list[str]:
        """The alarms of single versions."""
        found = self.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{FUNCTION}-v")["MetricAlarms"]
        return [each["AlarmName"] for each in found]

    def until(self, what: Callable[[], Any]) -> Any:
        """Wait for a condition."""
        end = time.monotonic() + 120
        while not (found := what()):
            assert time.monotonic() < end, "it never came"
            time.sleep(0.05)
        return found

    def shifting(self) -> str:
        """The version that gets a share of the traffic; empty where none does."""
        return next(iter((self.live().get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}), "")


@pytest.fixture(scope="module")
def project(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """An account with bootstrap and platform, and a checkout with nothing released yet."""
    try:
        binary()
    except UserError as error:
        pytest.skip(str(error))
    if mirror() is None:
        pytest.skip("Terraform's AWS provider is in no mirror here")
    folder = tmp_path_factory.mktemp("checkout")
    with EmulatedAws() as aws:
        terraform = Terraform(aws, folder)
        terraform("bootstrap", "bootstrap")
        terraform("apply", "platform", role="infra")
        for name in ("lambda", "conf", "docker"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "reports").mkdir()
        (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=folder, check=True)
        for key, value in (("user.name", "Somebody"), ("user.email", "somebody@example.com")):
            subprocess.run(["git", "config", key, value], cwd=folder, check=True)
        docker = install(tmp_path_factory.mktemp("docker"))
        environment = dict(terraform.environment)
        environment |= docker | {"PATH": f"{docker['PATH']}:{environment['PATH']}"}
        environment["SLIPWAY_PAUSE_SECONDS"] = "0.2"
        aws.minute = MINUTE
        yield Project(folder, aws, environment, shipped)


def test_without_a_lock_nothing_is_asked_for(project: Project) -> None:
    said = project.desired()
    assert (said.status, said.outputs["staging"], said.outputs["production"]) == (0, "false", "false")
    assert "No model was trained yet" in said.text


def test_the_first_release_is_opened_when_it_has_proved_good(project: Project) -> None:
    digest = project.commit()
    said = project.desired()
    assert (said.outputs["bundle"], said.outputs["staging"], said.outputs["production"]) == (digest, "true", "true")
    image = project.image()
    assert (image.status, image.outputs["built"]) == (0, "true"), image.text
    assert image.outputs["image"] == f"{image.outputs['name']}@{image.outputs['digest']}"
    for environment in ("staging", "production"):
        released = project.release(environment)
        assert released.status == 0, released.text
        assert (released.outputs["version"], released.outputs["rejected"]) == ("1", "")
        name = f"slipway-{environment}"
        address = project.aws.client("lambda").get_function_url_config(FunctionName=name, Qualifier="live")
        assert released.outputs["url"] == address["FunctionUrl"]
    assert project.answers() == digest
    said = project.desired()
    assert (said.outputs["staging"], said.outputs["production"], said.outputs["refused"]) == ("false", "false", "")


def test_a_release_again_does_nothing(project: Project) -> None:
    assert project.image().outputs["built"] == "false"
    before = project.live()["RevisionId"]
    said = project.release("production")
    assert (said.status, said.outputs["version"]) == (0, "1")
    assert project.live()["RevisionId"] == before


def test_a_second_model_gets_through_a_canary_that_saw_it_answer(project: Project) -> None:
    digest = project.commit()
    project.image()
    assert project.release("staging").status == 0
    said = project.release("production")
    assert said.status == 0, said.text
    assert (said.outputs["version"], said.outputs["rejected"]) == ("2", "")
    assert project.answers() == project.champion() == digest
    assert project.own_alarms() == []
    [created] = project.aws.sent("codedeploy", "CreateDeployment")[-1:]
    told = json.loads(created["description"])
    assert (told["bundle"], told["version"], told["before"]) == (digest, "2", "1")
    alarms = [each["name"] for each in created["overrideAlarmConfiguration"]["alarms"]]
    assert {f"{FUNCTION}-v2-errors", f"{FUNCTION}-errors"} <= set(alarms)
    assert len(alarms) <= 10


def test_a_model_whose_alarm_rings_is_taken_back_and_stays_away(project: Project) -> None:
    before = project.answers()
    digest = project.commit()
    project.image()
    process = project.start("release", "production", role="deploy-production")
    version = project.until(project.shifting)
    project.aws.client("cloudwatch").set_alarm_state(
        AlarmName=f"{FUNCTION}-v{version}-failures", StateValue="ALARM", StateReason="a test"
    )
    said = project.end(process)
    assert (said.status, said.outputs["rejected"]) == (1, f"bundle:{digest}"), said.text
    assert "an alarm rang" in said.text
    assert project.answers() == project.champion() == before != digest
    assert project.shifting() == ""
    assert project.own_alarms() == []
    said = project.desired()
    assert (said.outputs["production"], said.outputs["staging"]) == ("false", "false")
    assert "an alarm rang" in said.outputs["refused"]
    assert said.outputs["rejected"] == f"bundle:{digest}"
    again = project.release("production")
    assert (again.status, again.outputs["rejected"]) == (1, f"bundle:{digest}")
    assert "It is not released again" in again.text
    assert project.desired(FORCE="yes").outputs["production"] == "true"


def test_a_person_who_insists_gets_it_and_a_runner_that_dies_meanwhile_is_followed_by_one_that_ends_it(
    project: Project,
) -> None:
    begun = len(project.aws.sent("codedeploy", "CreateDeployment"))
    process = project.start("release", "production", role="deploy-production", FORCE="yes")
    project.until(project.shifting)
    process.kill()
    process.communicate()
    said = project.release("production", FORCE="yes")
    assert said.status == 0, said.text
    assert "an earlier run began it" in said.text
    assert project.answers() == json.loads((project.folder / "reports" / "gate.json").read_text())["bundle"]
    assert len(project.aws.sent("codedeploy", "CreateDeployment")) == begun + 1


def test_a_person_goes_back_and_what_answered_stays_away(project: Project) -> None:
    live = project.live()["FunctionVersion"]
    said = project.run("roll-back", "2", role="deploy-production")
    assert said.status == 0, said.text
    digest = json.loads((project.folder / "reports" / "gate.json").read_text())["bundle"]
    assert project.live()["FunctionVersion"] == "2" != live
    told = project.aws.client("lambda").get_function_configuration(FunctionName=FUNCTION, Qualifier="2")
    assert project.champion() == told["Description"].rpartition(" ")[2] != digest
    assert said.outputs["rejected"] == f"bundle:{digest}"
    assert "it was taken back" in project.desired().outputs["refused"]
    assert project.run("roll-back", "2", role="deploy-production").status == 0
    said = project.run("roll-back", "99", role="deploy-production")
    assert said.status == 2
    assert "has no version 99" in said.text


def test_a_model_that_does_not_answer_as_recorded_does_not_come_to_staging(project: Project) -> None:
    def other(manifest: dict[str, Any]) -> None:
        manifest["recorded"][0]["probabilities"][0] += 0.5

    project.commit(other)
    project.image()
    said = project.release("staging")
    assert (said.status, said.outputs["rejected"]) == (1, "")
    assert "recorded[0]: a probability is 0.5 off" in said.text


def test_the_smoke_hook_refuses_what_staging_did_not_see(project: Project) -> None:
    """As where the runner is dead and asks nothing: the hook is Lambda's and CodeDeploy's affair alone."""
    before = project.live()["FunctionVersion"]

    def other(manifest: dict[str, Any]) -> None:
        manifest["recorded"][1]["probabilities"][0] += 0.5

    bundle = project.commit(other)
    assert project.image().status == 0
    code = (
        "from slipway.delivery.release.canary import Canary; "
        "from slipway.delivery.release.steps import Release; "
        "from slipway.delivery.release.wanted import needed; Release._check = lambda self, qualifier: None; "
        "Canary._round = lambda self, rounds, seen: None; Release('production', needed()).run()"
    )
    told = project.environment | project.aws.as_role("slipway-deploy-production")
    told |= {key: project.environment[key] for key in ("PATH", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project.folder, env=told, capture_output=True, text=True, check=False
    )
    assert "the smoke test of the version failed" in done.stderr, done.stdout + done.stderr
    assert project.live()["FunctionVersion"] == before
    assert bundle != project.answers()


def test_a_training_image_for_each_kind_of_machine_is_built_once(project: Project) -> None:
    words = ("image", "train", "compute=sagemaker", "compute.instance_types=[ml.m5.xlarge,ml.g4dn.xlarge]")
    said = project.run(*words, role="train")
    assert (said.status, said.outputs["built"]) == (0, "true"), said.text
    assert said.outputs["tag"] == image_tag("cpu")
    assert said.outputs["image"] == f"{said.outputs['name']}@{said.outputs['digest']}"
    ecr = project.aws.client("ecr")
    found = ecr.describe_images(repositoryName="slipway-train")["imageDetails"]
    assert {tag for each in found for tag in each["imageTags"]} == {image_tag("cpu"), image_tag("gpu")}
    assert said.outputs["digest"] in {each["imageDigest"] for each in found}
    again = project.run(*words, role="train")
    assert (again.status, again.outputs["built"]) == (0, "false"), again.text
    assert again.outputs["digest"] == said.outputs["digest"]
    # a role that trains nothing pushes nothing to train in
    with (project.folder / "docker" / "train").open("a") as file:
        file.write("\n")
    assert project.run(*words, role="deploy-production").status == 2
    assert len(ecr.describe_images(repositoryName="slipway-train")["imageDetails"]) == 2
    refused = project.run("image", "train", "compute=local", role="train")
    assert (refused.status, "needs compute=sagemaker" in refused.text) == (2, True)


def test_a_critical_finding_keeps_an_image_from_being_released(project: Project) -> None:
    project.commit()
    tag = project.image().outputs["tag"]
    project.aws.registry.critical(tag, "CVE-2026-0001")
    said = project.image()
    assert said.status == 2
    assert "the scan calls critical: CVE-2026-0001" in said.text
    accepted = project.folder / "lambda" / "accepted.yaml"
    accepted.write_text("- {name: CVE-2026-0001, reason: it is not called, until: 2999-01-01}\n")
    assert project.image().status == 0
    accepted.write_text("[]\n")


@pytest.mark.parametrize("verdict", ["block", "keep"])
def test_what_the_gate_does_not_promote_is_refused(verdict: str, project: Project) -> None:
    project.commit(verdict=verdict)
    said = project.desired()
    assert (said.status, said.outputs["staging"], said.outputs["production"]) == (1, "false", "false")
    assert f"says {verdict}" in said.outputs["refused"]
    said = project.release("staging")
    assert said.status == 2
    assert f"says {verdict}" in said.text


def test_what_answers_already_may_be_kept(project: Project) -> None:
    project.lock(project.answers(), verdict="keep")
    said = project.desired()
    assert (said.status, said.outputs["production"], said.outputs["refused"]) == (0, "false", "")


def test_an_image_that_is_missing_is_named(project: Project) -> None:
    project.commit()
    said = project.release("staging")
    assert said.status == 2
    assert "`slipway image serve` comes first" in said.text


def test_the_lock_of_a_runner_that_died_is_explained(project: Project) -> None:
    project.commit()
    project.image()
    key = "serving/staging.tfstate.tflock"
    lock = {"ID": "1", "Operation": "OperationTypeApply", "Info": "", "Who": "runner@vm-1", "Version": "1.12.0"}
    lock |= {"Created": "2026-01-01T00:00:00Z", "Path": "x"}
    s3 = project.aws.client("s3")
    s3.put_object(Bucket="slipway-state-123456789012", Key=key, Body=json.dumps(lock).encode())
    said = project.release("staging", SLIPWAY_LOCK_SECONDS="1")
    assert said.status == 2
    assert "is locked by runner@vm-1 since 2026-01-01T00:00:00Z" in said.text
    assert f"aws s3 rm s3://slipway-state-123456789012/{key}" in said.text
    s3.delete_object(Bucket="slipway-state-123456789012", Key=key)


def test_a_release_that_died_before_it_published_is_made_up_for(project: Project) -> None:
    digest = project.commit()
    project.image()

    def kill(call: Call) -> None:
        if (call.service, call.action) == ("lambda", "PublishVersion"):
            os.killpg(process.pid, signal.SIGKILL)
            raise AwsError("ServiceException", "nobody is there to hear it", 500)

    before = project.live()["FunctionVersion"]
    project.aws.before = kill
    process = project.start("release", "production", role="deploy-production")
    process.communicate()
    project.aws.before = lambda call: None
    said = project.release("production")
    assert said.status == 0, said.text
    assert said.outputs["version"] != before
    assert project.answers() == digest


@pytest.mark.parametrize(
    ("moment", "why"),
    [("GetFunction", "has another image by now"), ("PublishVersion", "is different from current CodeSHA256")],
)
def test_a_release_publishes_what_it_applied_and_nothing_that_came_between(
    moment: str, why: str, project: Project
) -> None:
    """Another release may change the function between this one's apply and its version."""
    client, live = project.aws.client("lambda"), project.live()["FunctionVersion"]
    digest = project.commit()
    project.image()
    other = client.get_function(FunctionName=FUNCTION, Qualifier=live)["Code"]["ImageUri"]
    seen: list[str] = []

    def change(call: Call) -> None:
        if (call.service, call.body.get("FunctionName"), call.body.get("Qualifier")) != ("lambda", FUNCTION, None):
            return
        if call.action == "UpdateFunctionCode" or (call.action == moment and seen):
            seen.append(call.action)
            if call.action == moment and seen.count(moment) == 1:
                client.update_function_code(FunctionName=FUNCTION, ImageUri=other)

    project.aws.before = change
    said = project.release("production")
    assert (said.status, project.live()["FunctionVersion"]) == (2, live), said.text
    assert why in said.text
    calls: list[Call] = []

    def update(call: Call) -> None:
        if (call.service, call.action) == ("lambda", "PublishVersion") and len(calls) < 2:
            calls.append(call)
            raise AwsError("ResourceConflictException", "An update is in progress for resource: it", 409)

    project.aws.before = update
    said = project.release("production")
    project.aws.before = lambda call: None
    assert said.status == 0, said.text
    assert len(calls) == 2
    assert project.answers() == digest


def test_an_address_from_before_the_first_release_is_taken_back_until_it_is_good(project: Project) -> None:
    """As a person leaves it who applies terraform/serving by hand."""
    client = project.aws.client("lambda")
    digest = project.commit()
    project.image()
    client.update_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="$LATEST")
    assert project.desired().outputs["production"] == "true"
    opened: list[bool] = []

    def look(call: Call) -> None:
        if (call.service, call.action) == ("lambda", "PublishVersion") and not opened:
            opened.append(True)
            with pytest.raises(client.exceptions.ResourceNotFoundException):
                client.get_function_url_config(FunctionName=FUNCTION, Qualifier="live")

    project.aws.before = look
    said = project.release("production")
    project.aws.before = lambda call: None
    assert said.status == 0, said.text
    assert opened
    assert project.answers() == digest
    assert said.outputs["url"] == client.get_function_url_config(FunctionName=FUNCTION, Qualifier="live")["FunctionUrl"]


@pytest.mark.parametrize("shifts", [True, False])
def test_a_canary_that_nobody_saw_end_is_asked_by_who_comes_next(shifts: bool, project: Project) -> None:
    """And taken back, also where CodeDeploy cannot shift."""
    before = project.answers()
    digest = project.commit()
    project.image()
    process = project.start("release", "production", role="deploy-production")
    version = project.until(project.shifting)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    project.until(lambda: not project.aws.releases.running)
    assert project.answers() == digest
    assert project.desired().outputs["production"] == "true"
    ringing(project, f"{FUNCTION}-v{version}-failures")
    if not shifts:
        fail_to_go_back(project)
    said = project.release("production")
    project.aws.before = lambda call: None
    backs = [each.told for each in project.aws.releases.deployments.values() if each.told["creator"] == "user"]
    assert backs[-1]["status"] == ("Succeeded" if shifts else "Failed")
    assert (said.status, said.outputs["rejected"]) == (1, f"bundle:{digest}"), said.text
    assert f"the alarm {FUNCTION}-v{version}-failures rings" in said.text
    assert (project.answers(), project.shifting()) == (before, "")
    assert project.own_alarms() == []


@pytest.mark.parametrize("is_over", [False, True])
def test_a_person_who_goes_back_further_while_a_canary_is_watched_is_not_undone(
    is_over: bool, project: Project
) -> None:
    """Also where CodeDeploy is done, and the release asks on, as metrics may be late."""
    digest = project.commit()
    project.image()
    process = project.start("release", "production", role="deploy-production")
    project.until(project.shifting)
    os.killpg(process.pid, signal.SIGSTOP)
    if is_over:
        project.until(lambda: not project.aws.releases.running)
    back = project.run("roll-back", "1", role="deploy-production")
    os.killpg(process.pid, signal.SIGCONT)
    said = project.end(process)
    assert back.status == 0, back.text
    assert (said.status, said.outputs["rejected"]) == (1, f"bundle:{digest}"), said.text
    assert (project.live()["FunctionVersion"], project.shifting()) == ("1", "")
    assert project.champion() == project.answers() != digest
    assert project.own_alarms() == []


def test_an_alarm_that_rang_before_says_nothing_of_a_version(project: Project) -> None:
    before, digest = project.answers(), project.commit()
    project.image()
    ringing(project, f"{FUNCTION}-errors")
    said = project.release("production")
    assert said.status == 2
    assert f"{FUNCTION}-errors rings before anything of version" in said.text
    assert project.answers() == before
    assert project.desired().outputs["production"] == "true"
    said = project.release("production", FORCE="yes")
    project.aws.before = lambda call: None
    assert said.status == 0, said.text
    assert project.answers() == digest


def ringing(project: Project, alarm: str) -> None:
    """From now on an alarm rings whenever somebody looks."""

    def ring(call: Call) -> None:
        if call.action == "DescribeAlarms":
            told = {"AlarmName": alarm, "StateValue": "ALARM", "StateReason": "a test"}
            project.aws.client("cloudwatch").set_alarm_state(**told)

    project.aws.before = ring


def fail_to_go_back(project: Project) -> None:
    """Somebody gives a version a share by hand just when CodeDeploy is asked to take another back, which it refuses."""
    others = project.aws.before

    def share(call: Call) -> None:
        others(call)
        if call.action == "CreateDeployment" and "rejects" in call.body["description"]:
            shares = {"AdditionalVersionWeights": {"1": 0.01}}
            project.aws.client("lambda").update_alias(FunctionName=FUNCTION, Name="live", RoutingConfig=shares)

    project.aws.before = share


def test_credentials_that_end_are_told(project: Project) -> None:
    def expire(call: Call) -> None:
        if call.service == "lambda":
            raise AwsError("ExpiredTokenException", "The security token included in the request is expired", 403)

    project.aws.before = expire
    said = project.release("staging")
    project.aws.before = lambda call: None
    assert said.status == 2
    assert "the AWS credentials have expired" in said.text
