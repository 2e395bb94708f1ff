"""A function of emulated Lambda is really run, with its own settings and rights, and what it says is kept."""

import base64
import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def lines(texts: Any, text: str) -> list[str]:
    """The lines of the function's log with a text."""
    return [
        event["message"]
        for event in texts.aws.client("logs").filter_log_events(logGroupName="/aws/lambda/texts")["events"]
        if text in event["message"]
    ]


def total(texts: Any, namespace: str, metric: str, **dimensions: str) -> float:
    """The sum of a metric so far."""
    return float(sum(texts.aws.alarms.values("us-east-1", namespace, metric, **dimensions)))


def refused(texts: Any, *words: Any, **more: Any) -> str:
    """The code of what Lambda refuses."""
    with pytest.raises(ClientError) as caught:
        texts.invoke(*words, **more)
    return str(caught.value.response["Error"]["Code"])


def test_a_function_runs_with_what_the_image_and_the_function_say(texts: Any) -> None:
    answer, told = texts.invoke({})
    assert answer == {"number": 1, "version": "1", "told": "by-the-image", "setting": "ours", "memory": "512"}
    assert (told["StatusCode"], told["ExecutedVersion"], "FunctionError" in told) == (200, "1", False)
    assert texts.invoke({}, "$LATEST")[0]["version"] == "$LATEST"


def test_a_version_keeps_its_image_when_another_is_published(texts: Any) -> None:
    assert texts.publish(2) == "2"
    assert [texts.invoke({}, version)[0]["number"] for version in ("1", "2", "live")] == [1, 2, 1]
    functions = texts.functions
    first, second = (functions.get_function(FunctionName="texts", Qualifier=each)["Code"] for each in "12")
    assert first["ResolvedImageUri"] != second["ResolvedImageUri"] == second["ImageUri"]


def test_few_environments_are_kept_warm(texts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.rehearsal.aws.serving.functions.MOST_WARM", 1)
    texts.publish(2)
    for version in ("1", "2", "1"):
        assert texts.invoke({}, version)[0]["version"] == version
        assert [name for _, name, _ in texts.aws.functions.warm] == ["texts"]


def test_an_alias_divides_its_traffic_by_weights(texts: Any) -> None:
    texts.publish(2)
    routing = {"AdditionalVersionWeights": {"2": 0.5}}
    texts.functions.update_alias(FunctionName="texts", Name="live", RoutingConfig=routing)
    answers = [texts.invoke({})[1]["ExecutedVersion"] for _ in range(40)]
    assert 8 < answers.count("2") < 32


def test_what_goes_wrong_is_told_as_lambda_tells_it(texts: Any) -> None:
    answer, told = texts.invoke({"raise": 1})
    assert (told["StatusCode"], told["FunctionError"]) == (200, "Unhandled")
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "a bad event")
    answer, told = texts.invoke({"die": 1})
    assert (told["FunctionError"], answer["errorType"]) == ("Unhandled", "Runtime.ExitError")
    answer, told = texts.invoke({"sleep": 30})
    assert (told["FunctionError"], answer["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert texts.invoke({})[0]["number"] == 1
    assert total(texts, "AWS/Lambda", "Errors", FunctionName="texts") == 3
    assert total(texts, "AWS/Lambda", "Invocations", FunctionName="texts", Resource="texts:live") == 4


def test_who_is_not_there_is_not_found(texts: Any) -> None:
    assert refused(texts, {}, "9") == "ResourceNotFoundException"
    assert refused(texts, {}, "dead") == "ResourceNotFoundException"
    with pytest.raises(ClientError, match="Function not found: arn:aws:lambda:us-east-1:123456789012:function:others"):
        boto3.client("lambda").invoke(FunctionName="others")


def test_a_function_without_concurrency_is_throttled(texts: Any) -> None:
    texts.functions.put_function_concurrency(FunctionName="texts", ReservedConcurrentExecutions=0)
    texts.functions = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}))
    assert refused(texts, {}) == "TooManyRequestsException"
    assert total(texts, "AWS/Lambda", "Throttles", FunctionName="texts", Resource="texts:live") == 1


def test_who_asks_must_be_let(texts: Any) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    texts.aws.client("iam").create_role(RoleName="nobody", AssumeRolePolicyDocument=trust)
    with pytest.raises(ClientError, match=r"perform: lambda:InvokeFunction on resource: .*function:texts:live"):
        texts.aws.client("lambda", role="nobody").invoke(FunctionName="texts", Qualifier="live")


def test_what_a_function_says_is_in_its_log(texts: Any) -> None:
    _, told = texts.invoke({"a": 1}, LogType="Tail")
    [asked] = lines(texts, "asked")
    assert asked == "asked {'a': 1} 1"
    assert asked in base64.b64decode(told["LogResult"]).decode()
    assert [line.split()[0] for line in lines(texts, "RequestId: ")] == ["START", "END", "REPORT"]
    assert "LogResult" not in texts.invoke({})[1]


def test_a_role_that_may_not_write_leaves_no_log(texts: Any) -> None:
    texts.aws.client("iam").delete_role_policy(RoleName="texts", PolicyName="may")
    assert texts.invoke({})[0]["number"] == 1
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        lines(texts, "")
    assert any("asked" in line for line in texts.aws.functions.log.denied)


def test_metrics_are_taken_from_the_log(texts: Any) -> None:
    texts.invoke({})
    texts.invoke({"fail": 1})
    assert total(texts, "slipway", "Errors", service="texts") == 1
    assert total(texts, "slipway", "Errors", service="texts", function_version="1") == 1
    assert total(texts, "slipway", "Latency", service="texts") == 606
    version = {"Resource": "texts:live", "ExecutedVersion": "1"}
    assert total(texts, "AWS/Lambda", "Invocations", FunctionName="texts", **version) == 2
    assert total(texts, "AWS/Lambda", "Duration", FunctionName="texts") > 0


def test_a_subscription_hears_the_log(texts: Any) -> None:
    aws = texts.aws
    aws.client("s3").create_bucket(Bucket="kept")
    stream = aws.client("firehose").create_delivery_stream(
        DeliveryStreamName="kept",
        ExtendedS3DestinationConfiguration={"RoleARN": aws.role, "BucketARN": "arn:aws:s3:::kept"},
    )["DeliveryStreamARN"]
    texts.invoke({})
    aws.client("logs").put_subscription_filter(
        logGroupName="/aws/lambda/texts", filterName="f", filterPattern="", destinationArn=stream, roleArn=aws.role
    )
    texts.invoke({})
    assert aws.client("s3").list_objects_v2(Bucket="kept")["KeyCount"] >= 1


def test_a_visitor_asks_without_rights(texts: Any) -> None:
    before = len(texts.aws.requests)
    answer = texts.aws.ask("texts", {})
    assert json.loads(answer.payload)["number"] == 1
    assert (answer.version, answer.error) == ("1", "")
    assert not [call for call in texts.aws.requests[before:] if call.service == "lambda"]


def test_an_image_that_is_not_there_makes_no_function(texts: Any) -> None:
    missing = f"123456789012.dkr.ecr.us-east-1.amazonaws.com/texts@sha256:{'0' * 64}"
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*Source image .* does not exist"):
        texts.functions.update_function_code(FunctionName="texts", ImageUri=missing)


def test_a_registry_that_lets_lambda_pull_nothing_makes_no_function(texts: Any) -> None:
    statement = {
        "Sid": "a", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"ArnLike": {"aws:SourceArn": ["arn:aws:lambda:us-east-1:123456789012:function:others"]}},
    }  # fmt: skip
    ecr, address = texts.aws.client("ecr"), "123456789012.dkr.ecr.us-east-1.amazonaws.com/texts:1"

    def let(source: str) -> None:
        statement["Condition"] = {"ArnLike": {"aws:SourceArn": [source]}}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        ecr.set_repository_policy(repositoryName="texts", policyText=text)

    let("arn:aws:lambda:us-east-1:123456789012:function:others")
    with pytest.raises(ClientError, match="Lambda does not have permission to access the ECR image"):
        texts.functions.update_function_code(FunctionName="texts", ImageUri=address)
    let("arn:aws:lambda:us-east-1:123456789012:function:texts*")
    texts.functions.update_function_code(FunctionName="texts", ImageUri=address)


def test_an_index_of_images_makes_no_function(texts: Any) -> None:
    texts.docker("buildx", "build", "--tag", "123456789012.dkr.ecr.us-east-1.amazonaws.com/texts:x", "--push", ".")
    with pytest.raises(ClientError, match=r"media type for the source image .* is not supported"):
        texts.functions.update_function_code(
            FunctionName="texts", ImageUri="123456789012.dkr.ecr.us-east-1.amazonaws.com/texts:x"
        )
