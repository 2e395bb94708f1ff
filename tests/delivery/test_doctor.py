"""`slipway doctor`: what a set-up may lack is found, with what mends it; what is there is not told as lacking."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
import yaml

from slipway.__main__ import main
from slipway.delivery.doctor import machine
from slipway.delivery.doctor.finding import State
from slipway.delivery.doctor.project import VISIBILITY
from slipway.delivery.doctor.services import CONNECT
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.github import GitHub

ROOT = Path(__file__).resolve().parents[2]
STATE, DATA = (f"slipway-{what}-123456789012" for what in ("state", "data"))
REPOSITORY = "https://github.com/acme/slipway"
# as they are before somebody has said whose the project is
PROJECT = 'project = "slipway"\nregion  = "us-east-1"\n'
NOBODYS = """github = {
  owner    = "OWNER"
  owner_id = "0"
  name     = "slipway"
  id       = "0"
}
"""
NUMBERED = {'"OWNER"': '"acme"', 'owner_id = "0"': 'owner_id = "101"', 'id       = "0"': 'id       = "202"'}
Doctor = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the doctor reads of a checkout, in a repository of its own."""
    for name in ("conf", "terraform"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns(".terraform*", "local"))
    # as nobody has filled them in yet
    config = yaml.safe_load((ROOT / "conf" / "config.yaml").read_text(encoding="utf-8"))
    config["card"] = {key: f"not stated: set card.{key} in conf/config.yaml" for key in config["card"]}
    (tmp_path / "conf" / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    (tmp_path / "terraform" / "platform" / "terraform.tfvars").write_text("alert_emails = []\n", encoding="utf-8")
    (tmp_path / "terraform" / "project.tfvars").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "terraform" / "bootstrap" / "terraform.tfvars").write_text(NOBODYS, encoding="utf-8")
    for name in ("params.yaml", "SECURITY.md", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    for name in [each for each in os.environ if each.startswith(("AWS_", "MLFLOW_", "GH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return tmp_path


@pytest.fixture
def doctor(folder: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs it; gives its status, and what mends each finding ("" where nothing does), by its sign and words."""

    def run(*words: str) -> tuple[int, dict[str, str]]:
        capsys.readouterr()
        status = main(["doctor", *words])
        found, last = {}, ""
        for line in capsys.readouterr().out.splitlines():
            if line.startswith("      "):
                found[last] = line.strip()
            elif line.startswith("  "):
                last = line.strip()
                found[last] = ""
        return status, found

    return run


@pytest.fixture
def account(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedAws]:
    with EmulatedAws() as aws:
        for name, value in aws.environment.items():
            if name != "PATH":
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield aws


def test_without_an_account_it_says_what_it_can(doctor: Doctor) -> None:
    status, found = doctor()
    assert status == 1
    assert found["✓ project slipway, in us-east-1"] == ""
    assert found["✗ terraform/bootstrap/terraform.tfvars does not say who owns the repository"].startswith(
        "put its owner"
    )
    assert found["? no model was made yet: dvc.lock has no stage `gate`"] == "make demo"
    assert found["? the model card lacks card.owner"] == "set card.owner in conf/config.yaml"
    assert found["? nobody hears of alarms: `alert_emails` is empty"].endswith("terraform/platform/terraform.tfvars")
    assert "aws sso login" in found["✗ AWS does not know who you are (Unable to locate credentials)"]
    assert "✓ runs are recorded on this machine: sqlite:///mlflow.db" in found


def test_the_files_are_mended_one_after_the_other(folder: Path, doctor: Doctor) -> None:
    file = folder / "terraform" / "bootstrap" / "terraform.tfvars"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"OWNER"', '"acme"'), encoding="utf-8")
    numbers = "does not say the numbers of acme/slipway"
    [mend] = [mend for said, mend in doctor()[1].items() if numbers in said]
    assert "gh api repos/acme/slipway" in mend
    # in the order in which they are to be mended
    said = list(doctor()[1])
    assert said.index("? git has no remote `origin`") < [numbers in each for each in said].index(True)
    for old, new in NUMBERED.items():
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    found = doctor()[1]
    assert "✓ repository acme/slipway" in found
    mend = found["? git has no remote `origin`"]
    assert mend == f"gh repo create acme/slipway --{VISIBILITY} --source . --push"
    subprocess.run(["git", "remote", "add", "origin", "git@github.com-work:other/texts.git"], check=True)
    assert any("git's `origin` is other/texts" in said for said in doctor()[1])
    subprocess.run(["git", "remote", "set-url", "origin", REPOSITORY], check=True)
    assert not any("origin" in said for said in doctor()[1])


def test_a_file_that_cannot_be_read_is_a_finding(folder: Path, doctor: Doctor) -> None:
    (folder / "terraform" / "project.tfvars").write_text('project = "texts"\n', encoding="utf-8")
    (folder / "conf" / "config.yaml").write_text("card: {}\n", encoding="utf-8")
    status, found = doctor()
    assert status == 1
    [mend] = [mend for said, mend in found.items() if said.startswith("✗ terraform/project.tfvars: `region")]
    assert mend == "mend terraform/project.tfvars"
    assert any(said.startswith("✗ conf") for said in found)
    assert "? DVC has no remote: data and models stay on this machine" in found


def test_what_is_said_is_not_asked_for(folder: Path, doctor: Doctor) -> None:
    config = folder / "conf" / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("not stated: set card.owner", "mona: set card.owner"))
    alarms = folder / "terraform" / "platform" / "terraform.tfvars"
    alarms.write_text('alert_emails = ["mona@example.com"]\n', encoding="utf-8")
    found = doctor()[1]
    assert "? the model card lacks card.owner" not in found
    assert not any("alert_emails" in said for said in found)
    (folder / "params.yaml").write_text("data: csv\nmodel: bag\n", encoding="utf-8")
    found = doctor()[1]
    assert found["? the model card lacks data.about"] == "set data.about in conf/data"
    missing = "✗ data/local/texts.csv is missing, which the rows are in"
    assert found[missing] == "see docs/adapt.md"
    (folder / "data" / "local").mkdir(parents=True)
    (folder / "data" / "local" / "texts.csv.dvc").touch()
    assert doctor()[1][missing] == "dvc pull"
    (folder / "data" / "local" / "texts.csv").touch()
    assert missing not in doctor()[1]


def test_numbers_may_stand_without_quotes(folder: Path, doctor: Doctor) -> None:
    told = 'github = {\n  owner = "acme"\n  owner_id = 101\n  name = "texts"\n  id = 202\n}\n'
    (folder / "terraform" / "bootstrap" / "terraform.tfvars").write_text(told, encoding="utf-8")
    assert "✓ repository acme/texts" in doctor()[1]


def test_another_folder_than_the_projects_is_told_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder / "conf")
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err == "error: there is no terraform/ here: run this in the project's folder.\n"


def test_a_model_is_made_once_its_last_stage_was_run(folder: Path, doctor: Doctor) -> None:
    (folder / "dvc.lock").write_text("schema: '2.0'\nstages:\n  fetch:\n    cmd: x\n", encoding="utf-8")
    assert any("no model was made yet" in said for said in doctor()[1])
    with (folder / "dvc.lock").open("a", encoding="utf-8") as file:
        file.write("  gate:\n    cmd: x\n")
    assert not any("no model was made yet" in said for said in doctor()[1])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: folder.joinpath("SECURITY.md").write_bytes(b"\xff"), "'utf-8' codec can't decode"),
        (lambda folder: folder.joinpath("terraform/bootstrap/terraform.tfvars").write_bytes(b"\xff"), "'utf-8' codec"),
        (lambda folder: shutil.rmtree(folder / "conf"), "conf"),
    ],
)
def test_what_cannot_be_read_ends_its_part_alone(folder: Path, doctor: Doctor, spoil: Any, said: str) -> None:
    spoil(folder)
    status, found = doctor()
    assert status == 1
    assert any(each.startswith("✗ the rest could not be looked at") and said in each for each in found)
    assert "? DVC has no remote: data and models stay on this machine" in found


def test_a_machine_without_git_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    status, found = doctor()
    assert status == 1
    assert found["✗ git is missing"] == "https://git-scm.com/downloads"
    assert any("AWS does not know who you are" in each for each in found)


def test_an_address_that_is_none_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://[::1")
    assert any(each.startswith("✗ ") and "Invalid IPv6 URL" in each for each in doctor()[1])


def test_a_folder_that_is_no_repository_is_told(folder: Path, doctor: Doctor) -> None:
    shutil.rmtree(folder / ".git")
    assert any(said.startswith("✗ DVC finds no project here (") for said in doctor()[1])


SSO = """[profile work]
sso_session = work
sso_account_id = 123456789012
sso_role_name = admin
[sso-session work]
sso_region = us-east-1
sso_start_url = https://example.awsapps.com/start
"""


@pytest.mark.parametrize(
    ("profile", "said"), [("nobody", "The config profile (nobody) could not be found"), ("work", "Token for work")]
)
def test_credentials_that_are_not_there_are_told(
    folder: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, profile: str, said: str
) -> None:
    (folder / "aws").write_text(SSO, encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "aws"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("AWS_PROFILE", profile)
    status, found = doctor()
    assert status == 1
    [mend] = [
        mend for each, mend in found.items() if each.startswith("✗ AWS does not know who you are") and said in each
    ]
    assert "aws sso login" in mend


def test_quotas_are_held_against_what_is_asked_for(account: EmulatedAws, doctor: Doctor) -> None:
    account.quotas.values["ml.g4dn.xlarge for spot training job usage"] = 0
    told = ("compute.instance_types=[ml.g4dn.xlarge,ml.p5.48xlarge]", "compute.instance_count=1", "compute=sagemaker")
    _, found = doctor(*told)
    none = "✗ ml.g4dn.xlarge for spot training job usage: 0, and 1 are asked for"
    mend = found[none]
    assert mend.startswith("aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code L-")
    assert mend.endswith(" --desired-value 1 --region us-east-1")
    assert doctor(*told, "compute.region=eu-west-1")[1][none].endswith(" --region eu-west-1")
    assert "? SageMaker names no quota `ml.p5.48xlarge for spot training job usage`" in found
    account.quotas.values["ml.g4dn.xlarge for spot training job usage"] = 2
    account.quotas.values["ml.g5.xlarge for spot training job usage"] = 0
    both = ("compute.instance_types=[ml.g4dn.xlarge,ml.g5.xlarge]", *told[1:])
    found = doctor(*both)[1]
    assert "✓ ml.g4dn.xlarge for spot training job usage: 2" in found
    # one is enough
    assert "? ml.g5.xlarge for spot training job usage: 0, and 1 are asked for" in found


def test_roots_that_were_not_applied_are_told(account: EmulatedAws, doctor: Doctor) -> None:
    found = doctor()[1]
    assert any(said.startswith("✓ account 123456789012, as ") for said in found)
    assert found["✗ GitHub's roles: not there"] == "make bootstrap"
    assert found["✗ buckets, registries, alerts: not there"] == "gh workflow run infra.yml"
    needs = {"repository": "acme/texts", "id": "202", "branch": "main", "variables": {}, "environments": {}}
    s3 = account.client("s3")
    s3.create_bucket(Bucket=STATE)
    state = {"resources": [{}], "outputs": {"github": {"value": needs}}}
    for name in ("bootstrap", "platform"):
        s3.put_object(Bucket=STATE, Key=f"{name}.tfstate", Body=json.dumps(state))
    found = doctor()[1]
    assert "✓ GitHub's roles: terraform/bootstrap was applied" in found
    assert "✗ staging: not there" in found


def test_another_region_and_closed_doors_are_told(account: EmulatedAws, doctor: Doctor, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    account.faults.deny("servicequotas:ListServiceQuotas")
    found = doctor()[1]
    assert any(said.startswith("? AWS does not say it (") for said in found)
    told = "✗ AWS's settings say eu-west-1, and the project lies in us-east-1"
    export, _, setting = found[told].partition(" ")
    assert export == "export"
    monkeypatch.setenv(*setting.split("="))
    assert not any(said.startswith("✗ AWS's settings say") for said in doctor()[1])


@pytest.fixture
def github(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """A repository acme/texts without settings, which the real `gh` reaches."""
    if shutil.which("gh") is None:
        pytest.skip("gh is missing: https://cli.github.com")
    monkeypatch.setenv("HOME", str(folder))
    with GitHub() as there:
        for name, value in there.environment.items():
            monkeypatch.setenv(name, value)
        yield there


def trust(folder: Path, name: str, number: str) -> None:
    """Let AWS trust a repository of acme's."""
    told = f'github = {{\n  owner = "acme"\n  owner_id = "101"\n  name = "{name}"\n  id = "{number}"\n}}\n'
    (folder / "terraform" / "bootstrap" / "terraform.tfvars").write_text(told, encoding="utf-8")


def test_github_is_asked_before_there_is_an_account(folder: Path, github: GitHub, doctor: Doctor) -> None:
    trust(folder, "texts", "202")
    found = doctor()[1]
    assert "✓ GitHub has acme/texts" in found
    assert found["? what else GitHub needs is bootstrap's to say, which was not read"] == "make bootstrap"
    trust(folder, "texts", "203")
    [said] = [said for said in doctor()[1] if "owner_id 101 and id 202" in said]
    assert said.startswith("✗ acme/texts on GitHub has")
    trust(folder, "moon", "202")
    mend = doctor()[1]["✗ GitHub shows you no repository acme/moon"]
    assert mend == f"gh repo create acme/moon --{VISIBILITY} --source . --push"
    github.login = None
    assert "gh auth login" in doctor()[1].values()


def test_an_old_gh_is_told(folder: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "gh").write_text("#!/bin/sh\necho gh version 1.14.0\n", encoding="utf-8")
    (folder / "bin" / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    assert doctor()[1]["? gh 1.14.0 is older than 2, which sets GitHub's settings"] == "https://cli.github.com"


def test_what_github_lacks_is_told(account: EmulatedAws, folder: Path, github: GitHub, doctor: Doctor) -> None:
    trust(folder, "texts", "202")
    needs = {"repository": "acme/texts", "id": "202", "branch": "main", "environments": {"train": None}}
    state = {"resources": [{}], "outputs": {"github": {"value": needs | {"variables": {"AWS_REGION": "us-east-1"}}}}}
    account.client("s3").create_bucket(Bucket=STATE)
    account.client("s3").put_object(Bucket=STATE, Key="bootstrap.tfstate", Body=json.dumps(state))
    found = doctor()[1]
    assert found["✗ GitHub lacks variable AWS_REGION: us-east-1"] == "make bootstrap"
    assert any(said.startswith("✗ GitHub lacks environment train") for said in found)


@pytest.mark.parametrize(("plan", "sign"), [("public", "✗"), ("free", "?"), ("team", "?")])
def test_what_a_plan_may_lack_is_no_fault(
    account: EmulatedAws, folder: Path, github: GitHub, doctor: Doctor, plan: str, sign: str
) -> None:
    trust(folder, "texts", "202")
    github.plan = plan
    needs = {"repository": "acme/texts", "id": "202", "branch": "main", "environments": {}, "variables": {}}
    account.client("s3").create_bucket(Bucket=STATE)
    state = json.dumps({"resources": [{}], "outputs": {"github": {"value": needs}}})
    account.client("s3").put_object(Bucket=STATE, Key="bootstrap.tfstate", Body=state)
    [said] = [said for said in doctor()[1] if "lacks ruleset" in said]
    assert said.startswith(f"{sign} GitHub lacks ruleset slipway: ")
    assert ("your plan has no such thing: nothing but agreement" in said) == (sign == "?")


def test_the_remote_is_looked_at(account: EmulatedAws, folder: Path, doctor: Doctor) -> None:
    mend = doctor()[1]["? DVC has no remote: data and models stay on this machine"]
    assert mend.startswith("make bootstrap, then ")
    assert mend.endswith(" && slipway connect")
    url = f"s3://{DATA}/dvc"
    subprocess.run([sys.executable, "-m", "dvc", "remote", "add", "--quiet", "--default", "aws", url], check=True)
    assert any(said.startswith(f"✗ DVC's remote {url} is closed to you (") for said in doctor()[1])
    account.client("s3").create_bucket(Bucket=DATA)
    assert f"✓ DVC's remote is {url}" in doctor()[1]


def test_the_remote_is_asked_of_github_by_the_command_that_is_told(folder: Path, github: GitHub) -> None:
    github.variables["SLIPWAY_DVC_REMOTE"] = f"s3://{DATA}/dvc"
    subprocess.run(["git", "remote", "add", "origin", "https://github.com/acme/texts.git"], check=True)
    command = f"{CONNECT.rpartition(' && ')[0]} && echo $SLIPWAY_DVC_REMOTE"
    assert subprocess.check_output(["bash", "-c", command], text=True) == f"s3://{DATA}/dvc\n"


def test_no_password_is_printed(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secret@db.example.com/runs")
    found = doctor()[1]
    [said] = [said for said in found if "db.example.com" in said]
    assert said.startswith("? runs are recorded in postgresql://")
    assert "secret" not in "".join([*found, *found.values()])


class Health(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


@pytest.mark.parametrize(("status", "sign"), [(200, "✓ MLflow answers at"), (401, "✗ MLflow at")])
def test_mlflow_is_asked(doctor: Doctor, monkeypatch: pytest.MonkeyPatch, status: int, sign: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Health,), {"status": status})) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@{address}")
        found = doctor()[1]
        server.shutdown()
    [said] = [said for said in found if said.startswith(sign)]
    assert address in said
    assert "secret" not in "".join([*found, *found.values()])
    assert any(said.startswith(f"✗ MLflow at http://{address} does not answer (") for said in doctor()[1])


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ('{"terraform_version": "1.11.4"}', (1, 11, 4)),
        ("v20.20.2\n", (20, 20, 2)),
        ("git version 2.39.5 (x)", (2, 39, 5)),
        ("", ()),
    ],
)
def test_versions_are_read(printed: str, version: tuple[int, ...]) -> None:
    assert machine.version(printed) == version


def test_tools_that_are_missing_old_or_broken_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.tool("dog", (2,), ("dog",), "https://dog").said == "dog is missing"
    dog = tmp_path / "dog"
    for printed, state, said in (
        ("echo 1.9.1", State.BAD, "dog 1.9.1 is older than 2"),
        ("echo 2.0", State.GOOD, "dog 2.0"),
        ("echo broken >&2; exit 1", State.BAD, "dog does not answer (broken)"),
    ):
        dog.write_text(f"#!/bin/sh\n{printed}\n", encoding="utf-8")
        dog.chmod(0o755)
        found = machine.tool("dog", (2,), ("dog",), "https://dog")
        assert (found.state, found.said) == (state, said)
    assert machine.tool("cat", (2,), ("cat",), "https://cat", "for mice").state is State.UNKNOWN


def test_an_environment_that_is_another_or_older_than_its_lock_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert machine.environment().mend == "make setup"
    machine.INSTALLED.parent.mkdir()
    machine.INSTALLED.touch()
    assert machine.environment().mend == "source .venv/bin/activate"
    monkeypatch.setattr(sys, "prefix", str(folder / ".venv"))
    assert machine.environment().state is State.GOOD
    os.utime(machine.INSTALLED, (1, 1))
    assert (machine.environment().state, machine.environment().mend) == (State.BAD, "make setup")
