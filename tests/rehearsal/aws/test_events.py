"""What becomes of trainings is told to GitHub: at least once where it can be, and kept where it cannot."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest

from slipway.rehearsal.aws.account import EmulatedAws

ENDED = {
    "TrainingJobName": "slipway-1",
    "TrainingJobStatus": "Failed",
    "FailureReason": 'it said "no"',
}
TEMPLATE = '{"event_type": "training-ended", "client_payload": {"job": <job>, "status": <status>, "at": <nothing>}}'


class GitHub:
    """Answers with the statuses that it is given, then with 204, and keeps what it is sent."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.sent: list[tuple[str, str | None, Any]] = []
        github = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                github.sent.append((self.path, self.headers["Authorization"], body))
                self.send_response(github.statuses.pop(0) if github.statuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)


@pytest.fixture
def github(aws: EmulatedAws) -> Iterator[GitHub]:
    """GitHub's API as EventBridge of the account finds it, and the rule that tells it of trainings that end."""
    found = GitHub()
    Thread(target=found.server.serve_forever, args=(0.05,), daemon=True).start()
    aws.minute = 0.05
    aws.github = f"http://127.0.0.1:{found.server.server_port}"
    trust = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may = {"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": "*"}
    iam, events = aws.client("iam"), aws.client("events")
    role = iam.create_role(
        RoleName="teller", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName="teller", PolicyName="may", PolicyDocument=policy)
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer secret"}}
    connection = events.create_connection(Name="g", AuthorizationType="API_KEY", AuthParameters=key)
    destination = events.create_api_destination(
        Name="g", ConnectionArn=connection["ConnectionArn"], HttpMethod="POST",
        InvocationEndpoint="https://api.github.com/repos/acme/texts/dispatches",
    )["ApiDestinationArn"]  # fmt: skip
    detail = {
        "TrainingJobName": [{"prefix": "slipway-"}],
        "TrainingJobStatus": ["Completed", "Failed", "Stopped"],
    }
    events.put_rule(Name="ended", EventPattern=json.dumps({"source": ["aws.sagemaker"], "detail": detail}))
    aws.client("sqs").create_queue(QueueName="dead")
    paths = {"job": "$.detail.TrainingJobName", "status": "$.detail.TrainingJobStatus", "nothing": "$.detail.Nothing"}
    target = {
        "Id": "github", "Arn": destination, "RoleArn": role, "RetryPolicy": {"MaximumRetryAttempts": 3},
        "InputTransformer": {"InputPathsMap": paths, "InputTemplate": TEMPLATE},
        "DeadLetterConfig": {"Arn": f"arn:aws:sqs:{aws.region}:123456789012:dead"},
    }  # fmt: skip
    events.put_targets(Rule="ended", Targets=[target])
    yield found
    found.server.shutdown()
    found.server.server_close()


def tell(aws: EmulatedAws, **changes: str) -> None:
    """A training of the account takes a status, and all that is told of it is told."""
    aws.events.publish(aws.region, "aws.sagemaker", "SageMaker Training Job State Change", [], ENDED | changes)
    aws.events.settle()


def dead(aws: EmulatedAws) -> list[dict[str, Any]]:
    """What lies in the queue of what was not delivered."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="dead")["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    return list(found.get("Messages", []))


def test_an_event_is_told_with_the_connections_key(aws: EmulatedAws, github: GitHub) -> None:
    tell(aws)
    payload = {"job": "slipway-1", "status": "Failed", "at": None}
    body = {"event_type": "training-ended", "client_payload": payload}
    assert github.sent == [("/repos/acme/texts/dispatches", "Bearer secret", body)]
    assert dead(aws) == []


def test_what_a_rule_does_not_ask_for_is_not_told(aws: EmulatedAws, github: GitHub) -> None:
    tell(aws, TrainingJobStatus="InProgress")
    tell(aws, TrainingJobName="other-1")
    aws.client("events").disable_rule(Name="ended")
    tell(aws)
    assert github.sent == []


def test_what_fails_is_told_again(aws: EmulatedAws, github: GitHub) -> None:
    github.statuses = [502, 401, 429]
    tell(aws)
    assert len(github.sent) == 4
    assert dead(aws) == []


def test_what_is_never_taken_is_kept(aws: EmulatedAws, github: GitHub) -> None:
    github.statuses = [500] * 9
    tell(aws)
    assert len(github.sent) == 4
    [left] = dead(aws)
    assert json.loads(left["Body"])["client_payload"]["job"] == "slipway-1"
    assert left["MessageAttributes"]["RETRY_ATTEMPTS"]["StringValue"] == "3"


def test_what_is_refused_is_not_told_again(aws: EmulatedAws, github: GitHub) -> None:
    github.statuses = [404]
    tell(aws)
    assert len(github.sent) == len(dead(aws)) == 1


def test_a_role_that_may_not_tells_nothing(aws: EmulatedAws, github: GitHub) -> None:
    aws.client("iam").delete_role_policy(RoleName="teller", PolicyName="may")
    tell(aws)
    assert github.sent == []
    assert dead(aws)[0]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_events_get_lost_or_come_twice(aws: EmulatedAws, github: GitHub) -> None:
    aws.events.lose = True
    tell(aws)
    assert github.sent == []
    aws.events.lose, aws.events.twice = False, True
    tell(aws)
    assert len(github.sent) == 2


def test_a_training_that_ends_is_told_to_a_topic_and_to_github(
    account: EmulatedAws, github: GitHub, create: Callable[..., str]
) -> None:
    sns = account.client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = account.client("sqs").create_queue(QueueName="mails")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{account.region}:123456789012:mails")
    transformer = {
        "InputPathsMap": {"job": "$.detail.TrainingJobName", "reason": "$.detail.FailureReason"},
        "InputTemplate": '"Training <job>. <reason>"',
    }
    account.client("events").put_targets(
        Rule="ended", Targets=[{"Id": "mail", "Arn": topic, "InputTransformer": transformer}]
    )
    account.wait(create("slipway-7", work="fail"), "Failed")
    account.events.settle()
    assert [body["client_payload"]["job"] for _, _, body in github.sent] == ["slipway-7"]
    [mail] = boto3.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    said = json.loads(mail["Body"])["Message"]
    assert said == '"Training slipway-7. AlgorithmError: the reason, exit code: 3"'
