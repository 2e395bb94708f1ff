"""A deployment of emulated CodeDeploy shifts an alias, asks its hook, looks at alarms, and goes back where it must."""

import json
import time
from hashlib import sha256
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

LONG = {"deploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent30Minutes"}
WEIGHTS = {"2": 0.1}


def alarm(**more: Any) -> dict[str, Any]:
    """An alarm on the errors that the function tells of its version 2; returns how a deployment looks at it."""
    dimensions = [{"Name": "service", "Value": "texts"}, {"Name": "function_version", "Value": "2"}]
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName="texts-v2-errors", Namespace="slipway", MetricName="Errors", Dimensions=dimensions, Period=60,
        Statistic="Sum", EvaluationPeriods=1, Threshold=0, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )  # fmt: skip
    return {"overrideAlarmConfiguration": {"enabled": True, "alarms": [{"name": "texts-v2-errors"}]} | more}


def start(texts: Any, **more: Any) -> str:
    """Start a canary of a minute, and block until the alias gives a tenth of its traffic away; returns its identity."""
    texts.aws.minute = 2.0
    deployment = str(texts.deploy("2", **LONG, **more))
    end = time.monotonic() + 60
    while texts.live()[1] != WEIGHTS:
        assert time.monotonic() < end
    return deployment


def refused(texts: Any, *words: Any, **more: Any) -> str:
    """The code of what CreateDeployment refuses."""
    with pytest.raises(ClientError) as caught:
        texts.deploy(*words, **more)
    return str(caught.value.response["Error"]["Code"])


def why(told: dict[str, Any]) -> tuple[str, str]:
    """Status and code of a deployment that has ended."""
    return told["status"], told["errorInformation"]["code"]


def test_a_canary_takes_a_tenth_and_then_all(texts: Any) -> None:
    assert texts.publish(2) == "2"
    deployment = texts.deploy("2", description='{"bundle": "b"}')
    told = texts.end(deployment)
    assert (told["status"], told["description"], told["creator"]) == ("Succeeded", '{"bundle": "b"}', "user")
    assert told["computePlatform"] == "Lambda"
    assert told["createTime"] <= told["startTime"] <= told["completeTime"]
    assert texts.live() == ("2", {})
    assert texts.invoke({})[0]["number"] == 2


def test_while_it_lasts_a_tenth_is_asked(texts: Any) -> None:
    texts.publish(2)
    deployment = start(texts)
    assert texts.live() == ("1", WEIGHTS)
    assert texts.told(deployment)["status"] == "InProgress"
    versions = [texts.aws.ask("texts", {}).version for _ in range(150)]
    assert 0 < versions.count("2") < 50


def test_a_hook_is_asked_before_any_traffic(texts: Any) -> None:
    texts.publish(2)
    deployment = start(texts)
    [answered] = texts.aws.sent("codedeploy", "PutLifecycleEventHookExecutionStatus")
    assert (answered["deploymentId"], answered["status"]) == (deployment, "Succeeded")
    with pytest.raises(ClientError, match="LifecycleEventAlreadyCompletedException"):
        texts.codedeploy.put_lifecycle_event_hook_execution_status(**answered)
    with pytest.raises(ClientError, match="InvalidLifecycleEventHookExecutionIdException"):
        texts.codedeploy.put_lifecycle_event_hook_execution_status(
            **answered | {"lifecycleEventHookExecutionId": "another"}
        )


def test_a_hook_that_says_no_ends_it(texts: Any) -> None:
    texts.publish(2)
    texts.functions.update_function_configuration(
        FunctionName="texts-smoke", Environment={"Variables": {"ANSWER": "Failed"}}
    )
    told = texts.end(texts.deploy("2"))
    assert why(told) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert texts.live() == ("1", {})


def test_a_hook_that_does_not_answer_within_an_hour_ends_it(texts: Any) -> None:
    texts.publish(2)
    texts.aws.minute = 0.03
    texts.functions.update_function_configuration(FunctionName="texts-smoke", Environment={"Variables": {"ANSWER": ""}})
    told = texts.end(texts.deploy("2"))
    assert why(told) == ("Failed", "HOOK_EXECUTION_FAILURE")
    assert "within one hour" in told["errorInformation"]["message"]


def test_a_hook_that_may_not_answer_ends_it(texts: Any) -> None:
    texts.publish(2)
    texts.aws.minute = 0.03
    may = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    texts.aws.client("iam").put_role_policy(RoleName="smoke", PolicyName="may", PolicyDocument=policy)
    assert why(texts.end(texts.deploy("2"))) == ("Failed", "HOOK_EXECUTION_FAILURE")


def test_an_alarm_on_the_version_takes_the_traffic_back(texts: Any) -> None:
    texts.publish(2)
    deployment = start(texts, **alarm())
    while texts.told(deployment)["status"] == "InProgress":
        texts.invoke({"unless": 2})
    told = texts.end(deployment)
    assert why(told) == ("Stopped", "ALARM_ACTIVE")
    assert told["errorInformation"]["message"].endswith("Activated alarms: <texts-v2-errors>")
    assert texts.live() == ("1", {})
    back = texts.told(told["rollbackInfo"]["rollbackDeploymentId"])
    assert (back["creator"], back["status"]) == ("codeDeployRollback", "Succeeded")
    assert back["rollbackInfo"]["rollbackTriggeringDeploymentId"] == deployment
    listed = texts.codedeploy.list_deployments(applicationName="texts", deploymentGroupName="live")["deployments"]
    assert listed == [back["deploymentId"], deployment]


def test_the_groups_alarms_count_where_there_are_no_others(texts: Any) -> None:
    texts.publish(2)
    alarm()
    looked = {"enabled": True, "alarms": [{"name": "texts-v2-errors"}]}
    texts.codedeploy.update_deployment_group(
        applicationName="texts", currentDeploymentGroupName="live", alarmConfiguration=looked
    )
    texts.aws.alarms.minute = 60
    boto3.client("cloudwatch").set_alarm_state(AlarmName="texts-v2-errors", StateValue="ALARM", StateReason="by hand")
    assert why(texts.end(texts.deploy("2", hook=False))) == ("Stopped", "ALARM_ACTIVE")
    none = {"overrideAlarmConfiguration": {"enabled": False, "alarms": []}}
    assert texts.end(texts.deploy("2", hook=False, **none))["status"] == "Succeeded"


def test_who_stops_it_gets_the_traffic_back(texts: Any) -> None:
    texts.publish(2)
    deployment = start(texts)
    assert texts.codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=True)["status"] == "Pending"
    assert why(texts.end(deployment)) == ("Stopped", "MANUAL_STOP")
    assert texts.live() == ("1", {})
    with pytest.raises(ClientError, match="DeploymentAlreadyCompletedException"):
        texts.codedeploy.stop_deployment(deploymentId=deployment)


def test_stopped_without_a_roll_back_the_alias_stays_divided_and_the_next_fails(texts: Any) -> None:
    texts.publish(2)
    deployment = start(texts)
    texts.codedeploy.stop_deployment(deploymentId=deployment, autoRollbackEnabled=False)
    assert "rollbackInfo" not in texts.end(deployment)
    assert texts.live() == ("1", WEIGHTS)
    off = {"autoRollbackConfiguration": {"enabled": False}}
    assert why(texts.end(texts.deploy("2", **off))) == ("Failed", "INVALID_LAMBDA_CONFIGURATION")


def test_of_a_group_one_deploys_at_a_time(texts: Any) -> None:
    texts.publish(2)
    start(texts)
    assert refused(texts, "2") == "DeploymentLimitExceededException"


@pytest.mark.parametrize("lacks", ["lambda:UpdateAlias", "lambda:InvokeFunction", "cloudwatch:DescribeAlarms"])
def test_the_groups_role_must_be_let(texts: Any, lacks: str) -> None:
    texts.publish(2)
    wanted = ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:InvokeFunction", "cloudwatch:DescribeAlarms"]
    may = {"Effect": "Allow", "Action": [each for each in wanted if each != lacks], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    texts.aws.client("iam").put_role_policy(RoleName="deployer", PolicyName="may", PolicyDocument=policy)
    off = {"autoRollbackConfiguration": {"enabled": False}}
    told = texts.end(texts.deploy("2", **off, **alarm()))
    assert why(told) == ("Failed", "IAM_ROLE_PERMISSIONS")
    assert lacks in told["errorInformation"]["message"]


def test_a_version_that_is_not_there_is_not_deployed(texts: Any) -> None:
    assert why(texts.end(texts.deploy("7")))[0] == "Failed"
    assert texts.live() == ("1", {})


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("no: [yaml", "version 0.0"),
        ('{"version": 0.0, "Resources": []}', "exactly one resource"),
        ('{"version": 0.0, "Resources": [{"a": {"Type": "AWS::Lambda::Function", "Properties": {}}}]}', "lacks Name"),
    ],
)
def test_an_appspec_must_say_what_is_deployed(texts: Any, spec: str, says: str) -> None:
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": spec}}
    with pytest.raises(ClientError, match=f"InvalidRevisionException.*{says}"):
        texts.deploy("2", revision=revision)
    revision["appSpecContent"] = {"content": spec, "sha256": sha256(b"another").hexdigest()}
    assert refused(texts, "2", revision=revision) == "InvalidRevisionException"


def test_what_cannot_be_deployed_is_refused(texts: Any) -> None:
    assert refused(texts, "1") == "InvalidRevisionException"
    assert refused(texts, "2", deploymentConfigName="Mine") == "DeploymentConfigDoesNotExistException"
    assert refused(texts, "2", description="x" * 1001) == "DescriptionTooLongException"
    assert refused(texts, "2", deploymentGroupName="dead") == "DeploymentGroupDoesNotExistException"
    assert refused(texts, "2", applicationName="dead") == "ApplicationDoesNotExistException"
    with pytest.raises(ClientError, match="DeploymentDoesNotExistException"):
        texts.told("d-000000000")


def test_deployments_are_found_by_what_became_of_them(texts: Any) -> None:
    texts.publish(2)
    first = texts.deploy("2", deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce")
    texts.end(first)
    second = texts.deploy("1", "2", deploymentConfigName="CodeDeployDefault.LambdaLinear10PercentEvery1Minute")
    texts.end(second)
    group = {"applicationName": "texts", "deploymentGroupName": "live"}
    listed = texts.codedeploy.list_deployments
    assert listed(**group)["deployments"] == [second, first]
    assert listed(**group, includeOnlyStatuses=["Failed", "Stopped"])["deployments"] == []
    found = texts.codedeploy.batch_get_deployments(deploymentIds=[first, second])["deploymentsInfo"]
    assert [each["deploymentId"] for each in found] == [first, second]
    assert texts.live() == ("1", {})


def test_who_looks_at_a_deployment_must_be_let_look_at_its_group(texts: Any) -> None:
    texts.publish(2)
    deployment = texts.deploy("2")
    iam, group = texts.aws.client("iam"), "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:texts/"
    iam.create_role(RoleName="looker", AssumeRolePolicyDocument="{}")
    for name, seen in (("others", False), ("live", True)):
        may = {"Effect": "Allow", "Action": "codedeploy:GetDeployment", "Resource": group + name}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        iam.put_role_policy(RoleName="looker", PolicyName="may", PolicyDocument=policy)
        look = texts.aws.client("codedeploy", role="looker").get_deployment
        if seen:
            assert look(deploymentId=deployment)["deploymentInfo"]["deploymentId"] == deployment
        else:
            with pytest.raises(ClientError, match="not authorized to perform: codedeploy:GetDeployment"):
                look(deploymentId=deployment)
    texts.end(deployment)
