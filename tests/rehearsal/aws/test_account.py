"""What the emulated account does, asked by real clients: so that a test that runs against it proves something."""

import io
import json
import select
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError

from slipway.compute.sagemaker.upload import source
from slipway.rehearsal.aws.account import EmulatedAws
from slipway.rehearsal.aws.call import AwsError, Call
from slipway.rehearsal.aws.identity.roles import ALL
from slipway.training.layout import DONE, FILES

Create = Callable[..., str]


def refused(act: Callable[[], Any]) -> tuple[str, str]:
    """The code and the message of what AWS refuses."""
    with pytest.raises(ClientError) as caught:
        act()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def describe(name: str) -> dict[str, Any]:
    return boto3.client("sagemaker").describe_training_job(TrainingJobName=name)


def steps(name: str) -> list[str]:
    return [step["Status"] for step in describe(name)["SecondaryStatusTransitions"]]


def objects(prefix: str) -> dict[str, str]:
    s3 = boto3.client("s3")
    found = s3.list_objects_v2(Bucket="bucket", Prefix=prefix).get("Contents", [])
    return {each["Key"]: s3.get_object(Bucket="bucket", Key=each["Key"])["Body"].read().decode() for each in found}


def log(name: str) -> list[list[str]]:
    """The lines of each stream of a job's log."""
    logs, group = boto3.client("logs"), "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    return [
        [
            event["message"]
            for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
        ]
        for stream in streams
    ]


def channel(uri: str, name: str = "prepared") -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


def sent(account: EmulatedAws, count: int) -> list[str]:
    """The names of the first checkpoint files that the job uploads, in their order."""
    files, changed = account.sagemaker.workers["job-1"].synced, account.sagemaker.changed
    with changed:
        assert changed.wait_for(lambda: len(files) >= count, 60)
    return [path.name for path in files]


def test_a_job_takes_its_inputs_from_s3_and_leaves_its_model_there(account: EmulatedAws, create: Create) -> None:
    account.wait(create(), "Completed")
    job = describe("job-1")
    assert steps("job-1") == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bucket/jobs/job-1/output/model.tar.gz"
    assert job["TrainingStartTime"] <= job["TrainingEndTime"]
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] > 0
    body = boto3.client("s3").get_object(Bucket="bucket", Key="jobs/job-1/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.getnames() == ["weights"]
    [lines] = log("job-1")
    assert "data/prepared/x/rows the rows" in lines
    assert 'config/hyperparameters.json {"job": "{}"}' in lines


def test_a_failed_job_says_why_and_leaves_no_model(account: EmulatedAws, create: Create) -> None:
    account.wait(create(work="fail"), "Failed")
    assert describe("job-1")["FailureReason"] == "AlgorithmError: the reason, exit code: 3"
    assert objects("jobs/") == {}


def test_a_name_is_used_once(account: EmulatedAws, create: Create) -> None:
    account.wait(create(), "Completed")
    code, message = refused(create)
    assert code == "ResourceInUse"
    assert message.startswith("Training job names must be unique within an AWS account and region")
    assert refused(lambda: describe("other")) == ("ValidationException", "Requested resource not found.")
    assert len(account.sent("sagemaker", "CreateTrainingJob")) == 2


def test_an_interrupted_spot_job_goes_on_from_its_checkpoints(account: EmulatedAws, create: Create) -> None:
    account.wait_line(create(work="wait", spot=True), "waiting")
    sent(account, 8)
    account.interrupt("job-1")
    account.wait_line("job-1", "waiting", times=2)
    assert steps("job-1")[2:] == ["Training", "Interrupted", "Starting", "Downloading", "Training"]
    # what is deleted locally is deleted on S3
    assert [lines[0] for lines in log("job-1")] == ["found", "found b c d e f g h manifest step-1 step-2 weights"]
    boto3.client("sagemaker").stop_training_job(TrainingJobName="job-1")
    account.wait("job-1", "Stopped")
    job = describe("job-1")
    assert 0 < job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]
    with pytest.raises(ValueError, match="no spot machine"):
        account.interrupt(create("job-2"))


def test_the_checkpoint_of_an_interruption_may_be_lost(account: EmulatedAws, create: Create) -> None:
    account.wait_line(create(work="wait", spot=True), "waiting")
    account.interrupt("job-1", lose_checkpoint=True)
    account.wait_line("job-1", "waiting", times=2)
    assert "checkpoints/step-2/manifest" not in objects("checkpoints/")


def test_checkpoints_reach_s3_in_any_order_while_the_job_runs(account: EmulatedAws, create: Create) -> None:
    account.wait_line(create(work="wait"), "waiting")
    order = sent(account, 8)
    assert sorted(order) == list("abcdefgh")
    assert order != sorted(order)
    assert describe("job-1")["TrainingJobStatus"] == "InProgress"


def test_a_checkpoint_that_a_running_job_deletes_goes_from_s3_too(account: EmulatedAws, create: Create) -> None:
    account.wait_line(create(work="wait", spot=True), "waiting")
    sent(account, 8)
    account.interrupt("job-1")
    account.wait_line("job-1", "waiting", times=2)
    synced, changed = account.sagemaker.workers["job-1"].synced, account.sagemaker.changed
    # one that this machine wrote, and one that it downloaded
    for path in [
        *account.folder.rglob("attempt-2/*/checkpoints/step-1/b"),
        *account.folder.rglob("attempt-2/**/weights"),
    ]:
        assert path in synced
        path.unlink()
        with changed:
            assert changed.wait_for(lambda path=path: path not in synced, 60)
    assert sorted(objects("checkpoints/")) == [
        *(f"checkpoints/step-1/{name}" for name in "acdefgh"),
        "checkpoints/step-2/manifest",
    ]
    assert describe("job-1")["TrainingJobStatus"] == "InProgress"


def test_a_stopped_job_ends_by_sigterm_or_is_killed(account: EmulatedAws, create: Create) -> None:
    sagemaker = boto3.client("sagemaker")
    account.wait_line(create("job-1", work="wait"), "waiting")
    sagemaker.stop_training_job(TrainingJobName="job-1")
    account.wait("job-1", "Stopped")
    assert steps("job-1")[-2:] == ["Stopping", "Stopped"]
    assert "checkpoints/step-2/manifest" in objects("checkpoints/")
    account.grace = 0.1
    account.wait_line(create("job-2", work="ignore"), "waiting")
    sagemaker.stop_training_job(TrainingJobName="job-2")
    account.wait("job-2", "Stopped")
    assert refused(lambda: sagemaker.stop_training_job(TrainingJobName="job-2")) == (
        "ValidationException",
        "The request was rejected because the training job is in status Stopped.",
    )


def test_a_job_that_takes_too_long_is_stopped(account: EmulatedAws, create: Create) -> None:
    create("job-1", work="wait", StoppingCondition={"MaxRuntimeInSeconds": 1})
    account.wait("job-1", "MaxRuntimeExceeded")
    assert describe("job-1")["TrainingJobStatus"] == "Stopped"


def test_a_job_without_machines_ends_after_it_was_accepted(account: EmulatedAws, create: Create) -> None:
    account.faults.fail_capacity("ml.g5.xlarge")
    account.wait(create(), "Failed")
    assert describe("job-1")["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute")
    account.wait(create("job-2", spot=True), "Stopped")
    assert steps("job-2")[-1] == "MaxWaitTimeExceeded"
    assert "FailureReason" not in describe("job-2")


def test_what_a_job_left_behind_ends_with_it(account: EmulatedAws, create: Create) -> None:
    account.wait_line(create(work="orphan"), "orphan")
    account.wait("job-1", "Completed")
    assert not running(account)


def test_nothing_runs_on_when_the_account_is_closed_or_killed(account: EmulatedAws, create: Create) -> None:
    account.wait_line(create(work="wait"), "waiting")
    assert running(account)
    program = (
        "from slipway.rehearsal.aws.account import EmulatedAws; import subprocess, sys, os\n"
        "with EmulatedAws() as aws:\n"
        "    child = 'import signal; print(flush=True); signal.pause()'\n"
        "    environment = os.environ | {'REHEARSAL_ROOT': str(aws.folder / 'job')}\n"
        "    subprocess.Popen([sys.executable, '-c', child], env=environment).wait()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    other.send_signal(signal.SIGKILL)
    other.wait()
    ready, _, _ = select.select([other.stdout], [], [], 30)
    assert ready  # its end has come: no child has it open any more
    assert other.stdout.read() == b""
    account.__exit__()
    assert not running(account)
    assert not account.folder.exists()


def running(account: EmulatedAws) -> list[int]:
    """The processes of the account's jobs."""
    mark = str(account.folder)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("REHEARSAL_ROOT", "").startswith(mark):
                found.append(process.pid)
        except psutil.Error:
            pass
    return found


def test_several_hosts_know_each_other(account: EmulatedAws, create: Create) -> None:
    resources = {"InstanceType": "ml.g5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 10}
    account.wait(create(work="hosts", ResourceConfig=resources), "Completed")
    assert sorted(line for stream in log("job-1") for line in stream if " of " in line) == [
        "127.0.0.1 of 127.0.0.1 127.0.0.2",
        "127.0.0.2 of 127.0.0.1 127.0.0.2",
    ]


def test_a_wrong_request_is_refused(account: EmulatedAws, create: Create) -> None:
    far = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3", "eu-west-1").create_bucket(Bucket="far-away", CreateBucketConfiguration=far)
    registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com"

    def image(name: str) -> dict[str, Any]:
        return {"AlgorithmSpecification": {"TrainingImage": name, "TrainingInputMode": "File"}}

    warm = {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 9, "KeepAlivePeriodInSeconds": 60}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"HyperParameters": {"job": "x" * 2501}}, "Member must have length less than or equal to 2500"),
        (
            {"TrainingJobName": "a b"},
            "Value 'a b' at 'trainingJobName' failed to satisfy constraint: Member must satisfy",
        ),
        ({"RoleArn": f"{account.role}-none"}, f"Could not assume role {account.role}-none. Please ensure"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds. It must be present"),
        (
            {"StoppingCondition": {"MaxWaitTimeInSeconds": 9}},
            "It is only supported when EnableManagedSpotTraining is set",
        ),
        ({"spot": True, "ResourceConfig": warm}, "KeepAlivePeriodInSeconds"),
        (image("train"), "Invalid training image. Please provide a valid"),
        (image(f"{registry}/train:2"), f"image: {registry}/train:2 with tag: 2 and digest: null. Please check"),
        (image(f"{registry}/none:1"), "Cannot find repository: none in registry ID: 123456789012"),
        ({"InputDataConfig": [channel("s3://bucket/none/")]}, 'No S3 objects found under S3 URL "s3://bucket/none/"'),
        ({"InputDataConfig": [channel("s3://none/in/")]}, "The specified bucket does not exist"),
        ({"InputDataConfig": [channel("s3://far-away/in/")]}, "The bucket is in this region: eu-west-1."),
    ]
    for more, message in wrong:
        code, said = refused(lambda more=more: create(**more))
        assert code == "ValidationException"
        assert message in said
    assert account.sagemaker.jobs == {}


def test_each_service_refuses_in_its_own_words(account: EmulatedAws) -> None:
    s3, sts = boto3.client("s3"), boto3.client("sts")

    def put() -> Any:
        return s3.put_object(Bucket="bucket", Key="x", Body=b"x")

    account.faults.deny("s3:PutObject")
    code, message = refused(put)
    assert code == "AccessDenied"
    assert 'not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::bucket/x"' in message
    account.faults.deny("sagemaker:DescribeTrainingJob")
    code, message = refused(lambda: describe("job-1"))
    assert code == "AccessDeniedException"
    assert "on resource: arn:aws:sagemaker:us-east-1:123456789012:training-job/job-1 because" in message
    account.faults.deny("ecr:DescribeImages")
    ecr = boto3.client("ecr")
    said = refused(lambda: ecr.describe_images(repositoryName="train"))[1]
    assert "on resource: arn:aws:ecr:us-east-1:123456789012:repository/train because" in said
    account.faults.mend()
    account.faults.expire_credentials()
    assert refused(put)[0] == "ExpiredToken"
    assert refused(lambda: describe("job-1"))[0] == "ExpiredTokenException"
    assert refused(sts.get_caller_identity)[0] == "ExpiredToken"
    assert boto3.Session("ASIAFRESH", "x", "x").client("sts").get_caller_identity()["Account"] == "123456789012"
    account.faults.renew_credentials()
    account.faults.skew_clock()
    assert refused(put)[0] == "RequestTimeTooSkewed"
    code, message = refused(lambda: describe("job-1"))
    assert code == "InvalidSignatureException"
    assert message.startswith("Signature expired: ")
    account.faults.mend()
    put()


def test_a_quota_and_a_role_that_may_not_be_passed_stop_a_job(account: EmulatedAws, create: Create) -> None:
    account.faults.refuse("ml.g5.xlarge")
    code, message = refused(create)
    assert code == "ResourceLimitExceeded"
    assert message.startswith("The account-level service limit 'ml.g5.xlarge for training job usage' is 0 Instances")
    account.faults.deny("iam:PassRole")
    assert f"not authorized to perform: iam:PassRole on resource: {account.role}" in refused(create)[1]


def test_throttling_ends(account: EmulatedAws, create: Create) -> None:
    account.wait(create(), "Completed")
    account.faults.throttle("sagemaker", "DescribeTrainingJob", times=1)
    describe("job-1")
    assert len(account.sent("sagemaker", "DescribeTrainingJob")) == 2


def test_an_answer_that_is_lost_took_effect(account: EmulatedAws, create: Create) -> None:
    account.faults.lose_answer("sagemaker", "CreateTrainingJob")
    assert refused(create)[0] == "ResourceInUse"  # boto3 asked again
    account.wait("job-1", "Completed")


def test_a_bucket_answers_in_its_own_region(account: EmulatedAws) -> None:
    far = boto3.client("s3", "eu-west-1")
    far.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    # boto3 follows, and learns where the bucket is
    answer = boto3.client("s3").head_bucket(Bucket="far-away")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "eu-west-1"
    assert len(account.sent("s3", "HeadBucket")) == 2


def test_jobs_are_listed_and_tagged(account: EmulatedAws, create: Create) -> None:
    sagemaker = boto3.client("sagemaker")
    tags = [{"Key": "project", "Value": "slipway"}]
    for number in range(3):
        account.wait(create(f"job-{number}", Tags=tags), "Completed")
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains="job-", PaginationConfig={"PageSize": 2}
    )
    assert [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]] == [
        "job-2",
        "job-1",
        "job-0",
    ]
    arn = describe("job-0")["TrainingJobArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "owner", "Value": "me"}])
    assert [tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]] == ["project", "owner"]


def test_a_request_may_be_watched_before_and_after(account: EmulatedAws) -> None:
    seen: list[str] = []
    account.before = lambda call: seen.append(f"before {call.action}")
    account.after = lambda call: seen.append(f"after {call.action}")
    boto3.client("sts").get_caller_identity()
    assert seen == ["before GetCallerIdentity", "after GetCallerIdentity"]

    def refuse(call: Call) -> None:
        raise AwsError("Busy", f"not {call.action} now")

    account.before = refuse
    assert refused(boto3.client("sts").get_caller_identity) == ("Busy", "not GetCallerIdentity now")


def test_roles_may_be_made_and_read_by_many_at_once(account: EmulatedAws) -> None:
    iam = account.client("iam", role="train")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})

    def make(number: int) -> dict[str, Any]:
        iam.create_role(RoleName=f"{number}", AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=f"{number}", PolicyName="all", PolicyDocument=json.dumps(ALL))
        return dict(iam.list_attached_role_policies(RoleName=f"{number}"))

    # the more there are, the longer it takes to look through them, and each thread is interrupted as often as can be
    make(0)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(make, range(1, 200)))
    finally:
        sys.setswitchinterval(before)
    assert all(each["AttachedPolicies"] == [] for each in made)


def test_the_environment_reaches_no_other_account(account: EmulatedAws) -> None:
    names = {name for name in account.environment if name.startswith("AWS_")}
    assert {"AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_EC2_METADATA_DISABLED"} <= names
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert Path(account.environment[name]).read_text(encoding="utf-8") == ""
    assert account.environment["HOME"] == str(account.folder)


@pytest.mark.slow
def test_a_real_training_goes_on_where_its_spot_machine_was_taken_away(
    aws: EmulatedAws, prepared: Path, job_of: Callable[..., Any]
) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="in/code/source.tar.gz", Body=source())
    for path in prepared.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), "bucket", f"in/prepared/{path.relative_to(prepared).as_posix()}")
    boto3.client("sagemaker").create_training_job(
        TrainingJobName="job-1",
        AlgorithmSpecification={"TrainingImage": aws.push_image("train", "1"), "TrainingInputMode": "File"},
        RoleArn=aws.role,
        InputDataConfig=[channel(f"s3://bucket/in/{name}/", name) for name in ("code", "prepared")],
        OutputDataConfig={"S3OutputPath": "s3://bucket/jobs"},
        CheckpointConfig={"S3Uri": "s3://bucket/checkpoints/"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 300},
        HyperParameters={"job": job_of(minutes=0.0, epochs=12).model_dump_json()},
        EnableManagedSpotTraining=True,
    )
    aws.wait_line("job-1", "epoch", times=2)
    aws.interrupt("job-1")
    aws.wait("job-1", "Completed")
    first, second = log("job-1")
    assert first[-1].startswith("stopped after step")
    epochs = [int(line.split()[1]) for line in first + second if line.startswith("epoch")]
    assert epochs == list(range(1, 13))
    body = s3.get_object(Bucket="bucket", Key="jobs/job-1/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert set(archive.getnames()) == {*FILES, DONE}
