"""A job on SageMaker is submitted, followed and collected; it is never trained twice, and goes on after any end."""

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import IncompleteReadError
from botocore.response import StreamingBody

from slipway.compute.folder import JobFolder
from slipway.compute.local import Local
from slipway.errors import UserError
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.training import checkpoint
from slipway.training.layout import DONE, FILES

LONG = 400  # epochs
CHECKPOINT = {checkpoint.MANIFEST, checkpoint.STATE, checkpoint.TENSORS}
NAME = f"slipway-{'0' * 16}"
Make = Callable[..., Any]


def created(account: EmulatedAws) -> list[str]:
    return [request["ResourceConfig"]["InstanceType"] for request in account.sent("sagemaker", "CreateTrainingJob")]


def trained_here(one: Any, tmp_path: Path) -> Path:
    """The result of the same job on this machine, without an interruption."""
    backend = Local(JobFolder(one.job.hash, tmp_path / "here"))
    backend.submit(one.job, one.inputs)
    list(backend.follow())
    backend.collect()
    return backend.layout.model


def test_a_job_runs_to_its_end_and_is_collected(account: EmulatedAws, project: Make, tmp_path: Path) -> None:
    one = project()
    assert one.backend().status() == "absent"
    assert one.submit()
    lines = one.follow()
    assert [line for line in lines if line.startswith(f"{NAME}-1: ")][-1] == f"{NAME}-1: Completed"
    assert sum(line.startswith("epoch") for line in lines) == 3
    result = one.collect()
    assert sorted(path.name for path in result.iterdir()) == sorted((*FILES, DONE))
    assert (result / "model.safetensors").read_bytes() == (
        trained_here(one, tmp_path) / "model.safetensors"
    ).read_bytes()
    assert "1 x ml.g4dn.xlarge, spot, 4.0 h at most: $0.74 an hour on demand, $2.94 at most" in one.said
    assert any("Completed on 1 x ml.g4dn.xlarge after " in line and "billed, $0.0" in line for line in one.said)
    assert not one.submit(), "a job that is done was started again"
    assert project(name="another checkout").backend().status() == "done"
    assert len(created(account)) == 1
    [attempt] = one.backend().attempts.newest()
    assert (attempt.name, attempt.where, attempt.state) == (f"{NAME}-1", "1 x ml.g4dn.xlarge", "done")


def test_what_is_on_s3_is_not_sent_again(account: EmulatedAws, project: Make) -> None:
    project().submit()
    sent = len(account.sent("s3", "PutObject"))
    project(digits="1", name="another checkout", epochs=4).submit()
    assert len(created(account)) == 2
    assert len(account.sent("s3", "PutObject")) == sent > 10


def test_a_job_that_runs_is_found_and_not_started_again(account: EmulatedAws, project: Make) -> None:
    assert project(epochs=LONG).submit()
    other = project(name="another checkout", epochs=LONG)
    assert other.backend().status() == "running"
    assert not other.submit()
    assert other.backend().name == f"{NAME}-1"
    assert len(created(account)) == 1


def test_of_two_who_submit_at_once_one_starts_the_job(account: EmulatedAws, project: Make) -> None:
    project(digits="1", name="earlier").submit()  # moto cannot take the same object twice at the same time
    meet = threading.Barrier(2)
    account.before = lambda call: (call.action == "CreateTrainingJob" and meet.wait(30)) or None
    started: list[bool] = []
    projects = [project(name=name, epochs=LONG) for name in ("one", "two")]
    # Hydra composes once at a time in a process, and two people have two of them
    backends = [(each.backend(), each) for each in projects]
    threads = [
        threading.Thread(target=lambda one=one, each=each: started.append(one.submit(each.job, each.inputs)))
        for one, each in backends
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(started) == [False, True]
    assert list(account.sagemaker.workers)[1:] == [f"{NAME}-1"]


def test_an_answer_that_was_lost_does_not_start_a_second_job(account: EmulatedAws, project: Make) -> None:
    one = project(epochs=LONG)
    account.faults.lose_answer("sagemaker", "CreateTrainingJob")
    one.submit()
    assert len(created(account)) == 2, "the client did not ask again"
    assert one.backend().name == f"{NAME}-1"
    assert list(account.sagemaker.workers) == [f"{NAME}-1"]


def test_a_quota_that_is_used_up_leads_to_the_next_type(account: EmulatedAws, project: Make) -> None:
    account.faults.refuse("ml.g4dn.xlarge")
    one = project()
    assert one.submit()
    assert created(account) == ["ml.g4dn.xlarge", "ml.g5.xlarge"]
    assert one.backend().name == f"{NAME}-1"


def test_where_no_type_can_be_had_each_reason_is_said(account: EmulatedAws, project: Make) -> None:
    account.faults.refuse("ml.g4dn.xlarge")
    account.faults.refuse("ml.g5.xlarge", "CapacityError", "Unable to provision requested ML compute capacity.")
    with pytest.raises(UserError) as error:
        project().submit()
    lines = str(error.value).splitlines()
    assert lines[1].startswith("- ml.g4dn.xlarge: The account-level service limit")
    assert lines[2].startswith("- ml.g5.xlarge: Unable to provision")
    assert "Service Quotas" in lines[3]
    assert project().backend().status() == "absent"


@pytest.mark.parametrize(
    ("spot", "reason"),
    [("false", "failed: CapacityError: Unable to provision"), ("true", "stopped: MaxWaitTimeExceeded")],
)
def test_want_of_machines_after_submission_is_a_new_attempt_by_the_next_run(
    account: EmulatedAws, project: Make, spot: str, reason: str
) -> None:
    account.faults.fail_capacity("ml.g4dn.xlarge")
    one = project()
    one.submit(f"compute.spot={spot}")
    one.follow()
    with pytest.raises(UserError, match=f"{NAME}-1 {reason}"):
        one.collect()
    assert one.submit(f"compute.spot={spot}")
    assert created(account) == ["ml.g4dn.xlarge", "ml.g5.xlarge"]
    one.follow()
    assert one.backend().name == f"{NAME}-2"
    assert (one.collect() / DONE).is_file()


def whole_on_s3(account: EmulatedAws) -> int:
    """The step of the newest checkpoint of the last job that is whole on S3; 0 where there is none."""
    uri = account.sent("sagemaker", "CreateTrainingJob")[-1]["CheckpointConfig"]["S3Uri"]
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    pages = account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    files: dict[str, set[str]] = {}
    for found in (found for page in pages for found in page.get("Contents", [])):
        folder, name = found["Key"].split("/")[-2:]
        files.setdefault(folder, set()).add(name)
    whole = [folder for folder, names in files.items() if checkpoint.NAME.fullmatch(folder) and names >= CHECKPOINT]
    return max((int(folder.removeprefix("step-")) for folder in whole), default=0)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [False, True])
def test_a_spot_machine_that_is_taken_away_costs_no_result(
    account: EmulatedAws, project: Make, tmp_path: Path, lost: bool
) -> None:
    one = project(minutes=0.02, epochs=50)
    one.submit()
    changed = account.sagemaker.changed
    with changed:
        assert changed.wait_for(lambda: whole_on_s3(account), 60)
    kept = whole_on_s3(account)
    account.interrupt(f"{NAME}-1", lose_checkpoint=lost)
    lines = one.follow()
    assert f"{NAME}-1: Interrupted" in lines
    [stopped] = [int(line.split()[3].strip(",")) for line in lines if line.startswith("stopped after step ")]
    [began] = [int(line.split()[4]) for line in lines if line.startswith("goes on from step ")]
    # what the machine wrote at its end did not arrive whole, or did
    assert 0 < kept <= began < stopped if lost else 0 < began == stopped
    result, whole = one.collect(), trained_here(one, tmp_path)
    assert (result / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert len(created(account)) == 1


@pytest.mark.slow
def test_a_job_that_was_stopped_goes_on_as_the_next_attempt(
    account: EmulatedAws, project: Make, tmp_path: Path
) -> None:
    one = project(epochs=60)
    one.submit()
    account.wait_line(f"{NAME}-1", "epoch   1")
    one.backend().stop()
    assert any("as asked" in line for line in one.follow())
    assert one.backend().status() == "stopped"
    with pytest.raises(UserError, match=rf"(?s){NAME}-1 stopped: .*as asked"):
        one.collect()
    one.backend().stop()  # it has ended: nothing to say
    assert one.submit()
    assert not [line for line in one.follow() if line.startswith("epoch   1 ")], "it began anew"
    result, whole = one.collect(), trained_here(one, tmp_path)
    usd = sum(float(one.backend().attempts.usd(job) or 0) for job in one.backend().attempts.all())
    assert one.said[-1] == f"all 2 attempts: ${usd:.2f}"
    assert (result / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_a_job_that_is_stopping_is_waited_for_and_goes_on_as_the_next_attempt(
    account: EmulatedAws, project: Make
) -> None:
    one = project(epochs=60)
    one.submit()
    account.wait_line(f"{NAME}-1", "epoch   1")
    # a machine that takes its time to leave a checkpoint
    [process] = account.sagemaker.workers[f"{NAME}-1"].processes
    process.send_signal(signal.SIGSTOP)
    one.backend().stop()
    again = one.backend()
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        process.send_signal(signal.SIGCONT)

    again.say = say
    assert again.submit(one.job, one.inputs)
    assert said[0] == f"{NAME}-1 is stopping: the next attempt waits for its checkpoint"
    assert one.backend().name == f"{NAME}-2"
    assert any("goes on from step" in line for line in one.follow())


def test_a_job_that_failed_by_its_own_fault_says_why_and_is_not_tried_again(
    account: EmulatedAws, project: Make
) -> None:
    one = project("encoder", model={"lr": 1.0}, weight_decay=10.0, clip_norm=None, epochs=60)
    one.submit()
    one.follow()
    with pytest.raises(UserError) as error:
        one.collect()
    first, *log = str(error.value).splitlines()
    assert first.startswith(f"{NAME}-1 failed: AlgorithmError: the loss is not a number at step")
    assert any(line.startswith("error: the loss is not a number at step") for line in log)
    with pytest.raises(UserError, match=r"compute\.retry=true"):
        one.submit()
    assert len(created(account)) == 1
    assert one.submit("compute.retry=true")
    assert one.backend().name == f"{NAME}-2"


def test_the_cost_ceiling_is_a_limit_of_time_less_what_was_spent(account: EmulatedAws, project: Make) -> None:
    one = project(epochs=LONG)
    words = ("compute.max_cost_usd=0.5", "compute.instance_types=[ml.g4dn.xlarge]", "compute.instance_count=2")
    one.submit(*words)
    [first] = account.sent("sagemaker", "CreateTrainingJob")
    seconds = int(0.5 / (2 * 0.736) * 3600)
    assert first["StoppingCondition"] == {
        "MaxRuntimeInSeconds": seconds, "MaxWaitTimeInSeconds": seconds + 4 * 3600,
    }  # fmt: skip
    account.wait_line(f"{NAME}-1", "epoch   1")
    one.backend().stop()
    one.follow()
    billed = account.wait(f"{NAME}-1", "Stopped")["BillableTimeInSeconds"]
    one.submit(*words)
    second = account.sent("sagemaker", "CreateTrainingJob")[1]["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert second == pytest.approx(seconds - billed, abs=1)
    one.backend().stop()
    one.follow()
    with pytest.raises(UserError, match=r"compute\.max_cost_usd is 0\.01"):
        one.submit("compute.max_cost_usd=0.01")
    with pytest.raises(UserError, match=r"no price for ml\.g5\.24xlarge"):
        one.submit("compute.instance_types=[ml.g5.24xlarge]")


def test_the_cost_ceiling_holds_for_the_warm_pool_too(account: EmulatedAws, project: Make) -> None:
    words = ("compute.spot=false", "compute.warm_pool_minutes=10", "compute.instance_types=[ml.g4dn.xlarge]")
    one = project()
    with pytest.raises(UserError, match=r"not a minute of 1 x ml\.g4dn\.xlarge, and of its warm pool"):
        one.submit(*words, "compute.max_cost_usd=0.13")
    one.submit(*words, "compute.max_cost_usd=0.2")
    [sent] = account.sent("sagemaker", "CreateTrainingJob")
    seconds = sent["StoppingCondition"]["MaxRuntimeInSeconds"]
    assert sent["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert (seconds + 600) * 0.736 / 3600 == pytest.approx(0.2, abs=0.001)
    assert any("and 10 min kept warm: $0.74 an hour on demand, $0.20 at most" in line for line in one.said)
    one.follow()
    [job] = one.backend().attempts.all()
    waited = job["WarmPoolStatus"]["ResourceRetainedBillableTimeInSeconds"]
    assert waited > 0
    assert one.backend().attempts.usd(job) == pytest.approx((job["BillableTimeInSeconds"] + waited) * 0.736 / 3600)


def test_a_type_that_costs_too_much_leaves_the_others(account: EmulatedAws, project: Make) -> None:
    account.faults.refuse("ml.g4dn.xlarge")
    with pytest.raises(UserError) as error:
        project().submit(
            "compute.max_cost_usd=0.2", "compute.instance_types=[ml.g5.48xlarge,ml.g4dn.xlarge,ml.g6.xlarge]"
        )
    assert created(account) == ["ml.g4dn.xlarge"]
    lines = str(error.value).splitlines()
    assert lines[1].startswith("- ml.g4dn.xlarge: The account-level service limit")
    assert lines[2].startswith("- ml.g5.48xlarge: compute.max_cost_usd is 0.20")
    assert lines[3].startswith("- ml.g6.xlarge: no price")


def test_what_was_spent_at_an_unknown_price_is_not_nothing(account: EmulatedAws, project: Make) -> None:
    one = project(epochs=LONG)
    one.submit("compute.max_cost_usd=null", "compute.instance_types=[ml.g6.xlarge]")
    account.wait_line(f"{NAME}-1", "epoch   1")
    one.backend().stop()
    one.follow()
    with pytest.raises(UserError, match="no price for the type of an earlier attempt is known"):
        one.submit("compute.max_cost_usd=1")
    assert one.submit("compute.max_cost_usd=null")


@pytest.mark.slow
def test_all_attempts_are_found_though_someone_deleted_some(account: EmulatedAws, project: Make) -> None:
    one = project(epochs=LONG)
    for number in (1, 2):
        one.submit()
        account.wait_line(f"{NAME}-{number}", "epoch   1" if number == 1 else "goes on")
        one.backend().stop()
        one.follow()
    assert one.submit()
    client = account.client("sagemaker")
    client.delete_training_job(TrainingJobName=f"{NAME}-1")
    assert one.backend().status() == "running"
    assert not one.submit(), "a job that runs was started again"
    client.delete_training_job(TrainingJobName=f"{NAME}-2")
    assert one.backend().name == f"{NAME}-3"
    assert not one.submit(), "a job that runs was started again"
    with pytest.raises(UserError, match=f"{NAME}-1 was deleted"):
        list(one.backend().follow(1))
    one.backend().stop()
    one.follow()
    assert one.submit()
    assert one.backend().name == f"{NAME}-4"


def test_a_name_that_another_project_took_is_not_touched(
    account: EmulatedAws, project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(epochs=LONG).submit()
    account.client("s3").create_bucket(Bucket="theirs")
    monkeypatch.setenv("SLIPWAY_BUCKET", "theirs")
    other = project(epochs=LONG, name="another checkout")
    for ask in (other.submit, other.backend().status, other.backend().stop, other.collect):
        with pytest.raises(UserError, match=f"{NAME}-1 is another project's job"):
            ask()
    assert not account.sent("sagemaker", "StopTrainingJob")


def test_the_same_is_not_trained_here_and_there(account: EmulatedAws, project: Make) -> None:
    one = project(epochs=LONG)
    here = Local(JobFolder(one.job.hash, one.state))
    here.submit(one.job, one.inputs)
    with pytest.raises(UserError, match="trains the same here"):
        one.submit()
    here.stop()
    list(here.follow())
    assert not created(account)


def test_a_result_that_is_here_needs_no_account(project: Make, tmp_path: Path, account: EmulatedAws) -> None:
    one = project()
    here = Local(JobFolder(one.job.hash, one.state))
    here.submit(one.job, one.inputs)
    list(here.follow())
    account.faults.expire_credentials()
    asked = len(account.requests)
    assert one.backend().status() == "done"
    assert not one.submit()
    one.collect()
    assert len(account.requests) == asked


def test_a_result_that_can_be_fetched_is_not_trained_again(account: EmulatedAws, project: Make) -> None:
    one = project()
    one.submit()
    one.follow()
    assert not one.submit("compute.retry=true")
    assert (one.collect() / DONE).is_file()
    assert len(created(account)) == 1


def test_what_failed_is_said_though_the_log_may_not_be_read(account: EmulatedAws, project: Make) -> None:
    account.faults.deny("logs:DescribeLogStreams")
    one = project("encoder", model={"lr": 1.0}, weight_decay=10.0, clip_norm=None, epochs=60)
    one.submit()
    assert sum("logs:DescribeLogStreams" in line for line in one.follow()) == 1
    with pytest.raises(UserError, match=r"(?s)loss is not a number.*its log cannot be read"):
        one.collect()


def test_a_result_that_may_not_be_read_is_not_trained_again(account: EmulatedAws, project: Make) -> None:
    one = project()
    one.submit()
    one.follow()
    account.faults.deny("s3:GetObject")
    with pytest.raises(UserError, match="may not s3:GetObject") as error:
        one.collect()
    assert "retry" not in str(error.value)
    with pytest.raises(UserError, match="may not s3:GetObject"):
        one.submit("compute.retry=true")
    assert len(created(account)) == 1


def test_a_download_that_breaks_off_can_be_tried_again(
    account: EmulatedAws, project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = project()
    one.submit()
    one.follow()

    def broken(*_: object, **__: object) -> bytes:
        raise IncompleteReadError(actual_bytes=1, expected_bytes=2)

    with monkeypatch.context() as patch:
        patch.setattr(StreamingBody, "read", broken)
        with pytest.raises(UserError, match="AWS cannot be reached"):
            one.collect()
    assert (one.collect() / DONE).is_file()


def test_code_that_was_exchanged_on_s3_does_not_run(account: EmulatedAws, project: Make) -> None:
    project(digits="1", name="earlier").submit()
    [key] = [call["Key"] for call in account.sent("s3", "PutObject") if "inputs/code" in call["Key"]]
    whole = account.client("s3").get_object(Bucket="artifacts", Key=key)["Body"].read()
    account.client("s3").put_object(Bucket="artifacts", Key=key, Body=bytes(len(whole)))
    one = project()
    one.submit()
    one.follow()
    with pytest.raises(UserError, match="not the code that was submitted"):
        one.collect()


def test_a_model_of_the_hub_is_not_sent_where_there_is_no_network(account: EmulatedAws, project: Make) -> None:
    with pytest.raises(UserError, match=r"compute\.network_isolation forbids it"):
        project("pretrained", model={"name": "bert-base-uncased"}).submit("compute.network_isolation=true")
    assert not created(account)


@pytest.mark.slow
def test_two_machines_train_what_one_does(account: EmulatedAws, project: Make, tmp_path: Path) -> None:
    one = project(epochs=4)
    assert one.submit("compute.instance_count=2", "compute.instance_types=[ml.m5.xlarge]")
    lines = one.follow()
    assert sum(line.startswith("epoch") for line in lines) == 4, "one machine alone speaks of epochs"
    together = json.loads((one.collect() / DONE).read_text(encoding="utf-8"))["validation"]
    alone = json.loads((trained_here(one, tmp_path) / DONE).read_text(encoding="utf-8"))["validation"]
    assert together["log_loss"] == pytest.approx(alone["log_loss"], abs=0.02)
    assert together["accuracy"] == pytest.approx(alone["accuracy"], abs=0.02)


def test_credentials_that_end_while_inputs_are_sent_are_named(account: EmulatedAws, project: Make) -> None:
    account.before = lambda call: account.faults.expire_credentials() if call.action == "HeadObject" else None
    with pytest.raises(UserError, match="the AWS credentials have expired"):
        project().submit()
    assert not created(account)


def test_throttling_is_waited_out(account: EmulatedAws, project: Make) -> None:
    one = project()
    account.faults.throttle("sagemaker", "CreateTrainingJob", times=2)
    account.faults.throttle("s3", "PutObject", times=2)
    assert one.submit()
    account.faults.throttle("sagemaker", "DescribeTrainingJob", times=2)
    account.faults.throttle("logs", "GetLogEvents", times=1)
    one.follow()
    assert (one.collect() / DONE).is_file()


def test_credentials_that_expire_end_the_wait_and_not_the_job(account: EmulatedAws, project: Make) -> None:
    one = project(epochs=LONG)
    one.submit()
    lines = one.backend().follow()
    next(line for line in lines if line.startswith("epoch"))
    account.faults.expire_credentials()
    with pytest.raises(UserError, match=f"have expired.*{NAME}-1 goes on: `dvc repro` waits for it again"):
        list(lines)
    account.faults.renew_credentials()
    assert one.backend().status() == "running"


def test_credentials_that_are_renewed_meanwhile_are_taken(
    account: EmulatedAws, project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = project(epochs=8)
    one.submit()
    lines = one.backend().follow()
    next(line for line in lines if line.startswith("epoch"))
    account.faults.expire_credentials()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAFRESH00000000000")
    assert f"{NAME}-1: Completed" in [*lines]


def test_no_secret_leaves_this_machine(account: EmulatedAws, project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("the-secret-key", "the-session-token", "the-password")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secrets[0])
    monkeypatch.setenv("AWS_SESSION_TOKEN", secrets[1])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", secrets[2])
    one = project()
    one.submit()
    one.follow()
    said = json.dumps([call.body for call in account.requests], default=str)
    assert "CreateTrainingJob" in [call.action for call in account.requests]
    events = account.client("logs").filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    assert not [secret for secret in secrets if secret in said or secret in str(events)]
